"""locate: everything that is found from a name to the keys, on each face."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

import rightkey
from rightkey.localissuer import LocalIssuer
from rightkey.sources.jobs import GUARD, JOBS, MAX_JOBS

FACES: dict[str, Callable[[str], Any]] = {
    "threads": rightkey.locate,
    "asyncio": lambda issuer: asyncio.run(rightkey.locate_async(issuer)),
    "trio": lambda issuer: trio.run(rightkey.locate_async, issuer),
}


@pytest.fixture(params=FACES.values(), ids=FACES.keys())
def locate(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_what_is_found_is_told(locate: Any) -> None:
    """The issuer's spelling, where its metadata and keys are, the keys, and what was skipped."""
    with LocalIssuer(algorithm="ES256") as issuer:
        issuer.misbehave("jwks", "broken-member")
        provider = locate(issuer.url)
        assert provider.issuer == provider.metadata.issuer == issuer.url
        assert provider.metadata_url == issuer.url + ".well-known/openid-configuration"
        assert provider.jwks_uri == issuer.url + ".well-known/jwks.json"
        assert issuer.current.kid in {key.kid for key in provider.keys}
        assert provider.skipped == provider.keys.skipped != ()
        assert provider.status.ready
        assert issuer.requests.total == 2


def test_each_call_looks_anew(locate: Any) -> None:
    """Whoever looks wants to see what is there now."""
    with LocalIssuer(algorithm="ES256") as issuer:
        locate(issuer.url)
        locate(issuer.url)
        assert issuer.requests["jwks"] == 2


def test_where_no_thread_is_to_be_had_the_keys_are_unavailable(locate: Any) -> None:
    """The process runs as many jobs as it may: 503, and no request."""
    end = threading.Event()
    with GUARD:
        jobs = [
            JOBS.start(("busy", n), 30, lambda job: end.wait(30) and None, lambda: None, lambda: None)
            for n in range(MAX_JOBS)
        ]
    try:
        with (
            LocalIssuer(algorithm="ES256") as issuer,
            pytest.raises(rightkey.IssuerUnavailable, match="not available"),
        ):
            locate(issuer.url)
        assert issuer.requests.total == 0
    finally:
        end.set()
        for job in jobs:
            if job is not None:
                job.done.result(10)

"""locate: everything that is found from a name to the keys, on each face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import trio

import rightkey
from rightkey.localissuer import LocalIssuer

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
    """A look is to show what is there now."""
    with LocalIssuer(algorithm="ES256") as issuer:
        locate(issuer.url)
        locate(issuer.url)
        assert issuer.requests["jwks"] == 2


def test_where_no_thread_can_be_started_the_keys_are_unavailable(locate: Any, no_thread: Any) -> None:
    """503, and no request."""
    with LocalIssuer(algorithm="ES256") as issuer, no_thread():
        with pytest.raises(rightkey.IssuerUnavailable, match="no attempt has come to an end"):
            locate(issuer.url)
        assert issuer.requests.total == 0


def test_where_the_line_is_full_the_keys_are_unavailable(
    locate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and no request."""
    monkeypatch.setattr("rightkey.sources.jobs.MAX_QUEUED", 0)
    with LocalIssuer(algorithm="ES256") as issuer:
        with pytest.raises(rightkey.IssuerUnavailable):
            locate(issuer.url)
        assert issuer.requests.total == 0

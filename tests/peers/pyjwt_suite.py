"""Runs PyJWT's own tests of its client against ours, and says which do not pass.

    pip download --no-binary :all: --no-deps pyjwt && tar xzf pyjwt-*.tar.gz
    python tests/peers/pyjwt_suite.py pyjwt-2.15.1

Its tests replace `urllib.request.build_opener`, which ours does not use: where one has, that is what fetches.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.error import HTTPError, URLError

import jwt
import pytest

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.pyjwt import PyJWKClient
from rightkey.transport.default import DefaultTransport

ON_PURPOSE = {
    "test_unknown_kid_refresh_runs_again_after_cooldown": "an answer settles a key id for 10 s",
    "test_unknown_kid_refresh_serializes_concurrent_misses": "a second thread may ask once more",
    "test_get_jwt_set_sslcontext_default": "the context is used, and not by a handler of urllib",
}
"""Tests that do not pass, and why."""


class ByOpener:
    """Fetches by an opener that a test has put there, and by sockets otherwise."""

    def get(self, request: Request, /) -> Response:
        if not isinstance(urllib.request.build_opener, mock.Mock):
            return DefaultTransport().get(request)
        names = {name.capitalize(): value for name, value in request.headers.items()}
        try:
            opener = urllib.request.build_opener()
            with opener.open(urllib.request.Request(request.url, headers=names), timeout=4) as answer:
                body = answer.read()
        except HTTPError as error:
            error.close()
            return Response(error.code, {}, b"")
        except (URLError, OSError) as error:
            raise ExchangeFailed("unreachable", str(error)) from error
        return Response(200, {}, body.encode())


class Client(PyJWKClient):
    """Ours, as the tests call it."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, transport=ByOpener(), **settings)


class Plugin:
    """Puts ours in the place of theirs, and keeps count."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []

    @pytest.fixture(autouse=True)
    def ours(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(request.module, "PyJWKClient", Client)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            (self.passed if report.passed else self.failed).append(report.nodeid.rpartition("::")[2])


def run(folder: Path) -> Plugin:
    """The outcome of the tests in an unpacked source distribution of PyJWT."""
    plugin = Plugin()
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={folder}"]
    pytest.main([*options, str(folder / "tests" / "test_jwks_client.py")], plugins=[plugin])
    return plugin


def main() -> int:
    """The count, and what fails without being on purpose; 0 where nothing does."""
    plugin = run(Path(sys.argv[1]).resolve())
    total = len(plugin.passed) + len(plugin.failed)
    print(f"PyJWT {jwt.__version__}: {len(plugin.passed)} of {total} pass")
    for name in plugin.failed:
        print(f"  {name}: {ON_PURPOSE.get(name, 'UNEXPECTED')}")
    return int(not plugin.passed or not set(plugin.failed) <= ON_PURPOSE.keys())


if __name__ == "__main__":
    raise SystemExit(main())

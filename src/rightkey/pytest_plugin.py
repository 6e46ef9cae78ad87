"""Fixtures for the tests of services: a local issuer for each test, its tokens, and time that is moved.

pytest loads this module in every environment that has rightkey, so that it imports nothing but pytest:
tests without a fixture of it pay for none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from rightkey import Verifier
    from rightkey.localissuer import LocalIssuer

_ALGORITHM = "ES256"  # a key of RSA takes a hundred times as long to make
_OPTIONS = {
    "dress": "the vendor whose issuer rightkey's fixtures look like, such as okta",
    "algorithm": f"their algorithm; {_ALGORITHM} by default, whose keys are made quickly",
    "audience": "the audience of their tokens; https://api.example.com by default",
}
_COUNT = count(1)


class TokenFor(Protocol):
    """Mints a token for a subject, with any claims and other arguments of `LocalIssuer.token`."""

    def __call__(self, sub: str | None, /, **claims: Any) -> str: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, about in _OPTIONS.items():
        parser.addini(f"rightkey_{name}", about, default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rightkey(**options): options of LocalIssuer for the test's issuer")


@pytest.fixture
def issuer(request: pytest.FixtureRequest) -> Iterator[LocalIssuer]:
    """A local issuer for this test alone: rightkey.localissuer.LocalIssuer, listening on 127.0.0.1."""
    closest_first = list(request.node.iter_markers("rightkey"))
    with _made(request.config, *reversed(closest_first)) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def rightkey_session_issuer(request: pytest.FixtureRequest) -> Iterator[LocalIssuer]:
    """A local issuer for the whole run: for an application that is built once."""
    with _made(request.config) as issuer:
        yield issuer


@pytest.fixture
def token_for(issuer: LocalIssuer) -> TokenFor:
    """Mints the issuer's tokens: token_for("alice", scope="read:x")."""

    def mint(sub: str | None, /, **claims: Any) -> str:
        return issuer.token(**{"sub": sub, **claims})

    return mint


@pytest.fixture
def rightkey_settings(issuer: LocalIssuer) -> dict[str, Any]:
    """Settings of Verifier, AsyncVerifier and the integrations, to trust the issuer without a socket and to
    share its clock, which stands still: issuer.clock.advance(3600) is an hour for both."""
    issuer.clock.freeze()
    return {
        "issuer": issuer.url,
        "audience": issuer.audience,
        "transport": issuer.transport(),
        "clock": issuer.clock,
        "elapsed": issuer.clock,
    }


@pytest.fixture
def rightkey_verifier(rightkey_settings: dict[str, Any]) -> Verifier:
    """A rightkey.Verifier with the settings of rightkey_settings."""
    from rightkey import Verifier

    return Verifier(**rightkey_settings)


@pytest.fixture
def rightkey_environment(issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables RIGHTKEY_ISSUER and RIGHTKEY_AUDIENCE, set for this test, and what they are set to."""
    variables = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": issuer.audience}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def _made(config: pytest.Config, *marks: pytest.Mark) -> LocalIssuer:
    """An issuer with the options of the configuration and, over them, of these marks in turn.

    Its path is unique in the run. Ports are reused, and keys that this process still caches for an earlier
    issuer, by its URL, must not pass for those of this one.
    """
    from rightkey.localissuer import LocalIssuer
    from rightkey.localissuer.documents.dresses import dress

    configured = {name: config.getini(f"rightkey_{name}") for name in _OPTIONS}
    options: dict[str, Any] = {"algorithm": _ALGORITHM} | {n: v for n, v in configured.items() if v}
    for mark in marks:
        if mark.args:
            raise pytest.UsageError(
                "the mark rightkey takes options by name only, such as rightkey(dress='okta')"
            )
        options |= mark.kwargs
    worn = dress(options.get("dress") or "auth0")
    return LocalIssuer(**{"path": worn.named.format(name=f"test-{next(_COUNT)}")} | options)

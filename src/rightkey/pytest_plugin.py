"""Fixtures for the tests of services: a local issuer for each test, its tokens, and time that is moved.

pytest loads this module in every environment that has rightkey, so that it imports nothing but pytest: who
asks for no fixture pays for none.
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
    "dress": "whose issuer rightkey's fixtures look like, such as okta",
    "algorithm": f"what they sign by; {_ALGORITHM} by default, whose keys are made in no time",
    "audience": "whom their tokens are for; https://api.example.com by default",
}
_COUNT = count(1)


class TokenFor(Protocol):
    """Mints a token for a subject, with any claims, and with what else `LocalIssuer.token` takes."""

    def __call__(self, sub: str | None, /, **claims: Any) -> str: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, about in _OPTIONS.items():
        parser.addini(f"rightkey_{name}", about, default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "rightkey(**options): what the test's issuer is made with, as LocalIssuer takes it"
    )


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
    """What Verifier, AsyncVerifier and the integrations take, to trust the issuer without a socket and to
    live by its clock, which stands still: issuer.clock.advance(3600) is an hour for both."""
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
    """An issuer as the configuration says and, over it, these marks, one over the other.

    Its path is its own. Ports come again within a run, and what anybody in this process still holds of an
    earlier issuer, by its URL, must not pass for this one's.
    """
    from rightkey.localissuer import LocalIssuer
    from rightkey.localissuer.documents.dresses import dress

    configured = {name: config.getini(f"rightkey_{name}") for name in _OPTIONS}
    options: dict[str, Any] = {"algorithm": _ALGORITHM} | {n: v for n, v in configured.items() if v}
    for mark in marks:
        if mark.args:
            raise pytest.UsageError("the mark rightkey takes options by name, such as rightkey(dress='okta')")
        options |= mark.kwargs
    worn = dress(options.get("dress") or "auth0")
    return LocalIssuer(**{"path": worn.named.format(name=f"test-{next(_COUNT)}")} | options)

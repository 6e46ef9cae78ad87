"""Opaque tokens in the drill: what is told of services that take them, or do not, or believe too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.drill.conftest import AUDIENCE, Careless, good, proving

from rightkey import Introspection, TokenRejected, Verifier
from rightkey.drill import EXERCISES, Row
from rightkey.drill.opaque import _claims
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
Scored = Callable[..., dict[str, Row]]
NAMES = [name for name in EXERCISES if name.startswith("opaque: ")]


def verdicts(rows: dict[str, Row]) -> dict[str, list[str]]:
    """The rows by what came of them, without the name of the group."""
    found: dict[str, list[str]] = {}
    for name, row in rows.items():
        found.setdefault(row.verdict, []).append(name.removeprefix("opaque: "))
    return found


def test_a_service_that_asks_its_issuer_passes_all(scored: Scored) -> None:
    """Also by signed answers (RFC 9701)."""
    all_of_them = {"passed": [name[8:] for name in NAMES]}
    assert verdicts(scored(proving, "opaque:*")) == all_of_them
    signed = Introspection("api", "secret", signed=True)
    assert verdicts(scored(lambda issuer: good(issuer, introspection=signed), "opaque:*")) == all_of_them


def test_a_service_that_takes_none_is_not_tested(scored: Scored) -> None:
    """Nor is one whose issuer has no introspection."""
    rows = scored(good, "opaque:*")
    assert verdicts(rows).keys() == {"skipped"}
    assert "takes no opaque tokens" in rows["opaque: unknown"].told
    rows = scored(good, "opaque: good", dress="auth0")
    assert rows["opaque: good"].told == "an issuer in this dress has no introspection"


def test_a_service_that_believes_too_much_fails_where_it_does(scored: Scored) -> None:
    """It looks whether `active` is something, not at aud, and takes an outage for a bad token."""

    def make(issuer: LocalIssuer) -> Any:
        signed = Verifier(issuer.url, audience=AUDIENCE)

        def verify(token: str) -> None:
            if "." in token:
                signed.verify(token)
                return
            url, secret = issuer.urls["introspect"], ("api", "secret")
            with httpx.Client(trust_env=False, timeout=60) as client:
                answer = client.post(url, data={"token": token}, auth=secret).json()
            if not answer.get("active"):
                raise ValueError

        return Careless(verify, (TokenRejected, ValueError))

    rows = scored(make, "opaque:*")
    wrong = ["for another audience", "active is false as text", "active is true as text", "outage"]
    assert verdicts(rows) == {"passed": ["good", "unknown", "revoked"], "failed": wrong}
    assert "as if it were at fault" in rows["opaque: outage"].told


def test_a_service_that_lets_all_in_during_an_outage_fails(scored: Scored) -> None:
    """What cannot be checked is not good."""

    def make(issuer: LocalIssuer) -> Any:
        def verify(token: str) -> None:
            if token == "":
                raise ValueError("no token")

        return Careless(verify, (ValueError,))

    row = scored(make, "opaque: outage")["opaque: outage"]
    assert (row.verdict, row.told) == ("failed", "a token was accepted that could not be checked")


def test_a_service_that_cannot_ask_at_all_is_not_tested(scored: Scored) -> None:
    """Its 503 is no refusal: nothing can be told of it."""
    wrong = Introspection("api", "secret", endpoint="http://127.0.0.1:9/introspect")
    rows = scored(lambda issuer: good(issuer, introspection=wrong), "opaque: unknown", cooldown=0.5)
    row = rows["opaque: unknown"]
    assert (row.verdict, "before it, after 1 s" in row.told) == ("skipped", True)


def test_claims_are_read_of_any_answer() -> None:
    """Plain, or signed."""
    assert _claims(b'{"active": true}') == {"active": True}
    with LocalIssuer(algorithm="ES256") as issuer:
        signed = issuer.mint({"token_introspection": {"active": True}}).encode()
    assert _claims(signed) == {"active": True}

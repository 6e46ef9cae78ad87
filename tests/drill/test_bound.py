"""Bound tokens in the drill: what is told of services that take no DPoP, take it, or only seem to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.drill.conftest import AUDIENCE, proving, welcome

from rightkey import DPoP, TokenRejected, Verifier
from rightkey.drill import EXERCISES, Row
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
Scored = Callable[..., dict[str, Row]]
NAMES = [name for name in EXERCISES if name.startswith("bound: ")]
OF_ANY = ["as a bearer token", "no certificate", "no proof"]


def taking(**how: Any) -> Callable[[LocalIssuer], Any]:
    return lambda issuer: proving(issuer, **how)


def verdicts(rows: dict[str, Row]) -> dict[str, list[str]]:
    """The rows by what came of them, without the name of the group."""
    found: dict[str, list[str]] = {}
    for name, row in rows.items():
        found.setdefault(row.verdict, []).append(name.removeprefix("bound: "))
    return found


def test_a_service_that_takes_no_dpop_only_has_to_refuse(scored: Scored, services: Any) -> None:
    """What a proof must be is not tested there; a word in a description is no challenge."""
    rows = scored(services.good, "bound:*")
    assert list(rows) == NAMES
    assert verdicts(rows)["passed"] == OF_ANY
    assert verdicts(rows).keys() == {"passed", "skipped"}
    assert "takes no DPoP" in rows["bound: with its proof"].told
    assert "takes no DPoP" in rows["bound: two proofs"].told


def test_a_service_that_takes_dpop_passes_all(scored: Scored) -> None:
    """Each row, under the URL and the query that is drilled."""
    assert verdicts(scored(taking(), "bound:*")) == {"passed": [name[7:] for name in NAMES]}


def test_a_nonce_is_followed(scored: Scored) -> None:
    """It is what says how old a proof is."""
    rows = scored(taking(dpop=DPoP(nonce_secret=bytes(32))), "bound:*")
    assert verdicts(rows)["skipped"] == ["old proof"]
    assert verdicts(rows).keys() == {"passed", "skipped"}


def test_a_service_that_only_asks_for_dpop_is_told_so(scored: Scored) -> None:
    """It takes proofs for another URL than that by which it is drilled: its challenge is an answer."""

    def make(issuer: LocalIssuer) -> Any:
        how: dict[str, Any] = {"audience": AUDIENCE, "origin": "https://api.example.com", "sender": "bound"}
        free, taken = Verifier(issuer.url, audience=AUDIENCE), RightKeyMiddleware(welcome, issuer.url, **how)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            header = dict(scope["headers"]).get(b"authorization", b"").decode()
            bears = header.startswith("Bearer ") and accepts(free, header[7:])
            await (welcome if bears else taken)(scope, receive, send)

        return app

    row = scored(make, "bound: with its proof", "bound: two proofs")["bound: with its proof"]
    assert (row.verdict, row.told) == ("passed", "it was answered 401, with a challenge of DPoP")


def accepts(verifier: Verifier, token: str) -> bool:
    try:
        verifier.verify(token)
    except TokenRejected:
        return False
    return True


def test_a_service_that_looks_at_no_proof_fails_once(scored: Scored, services: Any) -> None:
    """By possession alone, whatever stands before the token: eleven rows more would say nothing."""
    rows = scored(services.trusting, "bound:*")
    assert verdicts(rows)["failed"] == OF_ANY
    assert verdicts(rows)["passed"] == ["with its proof"]
    assert "looks at no proof" in rows["bound: two proofs"].told


def test_a_service_that_checks_too_little_fails_where_it_does(scored: Scored) -> None:
    """Such as one that shares no memory of used proofs, and looks at the first of two."""

    class Never:
        def first(self, mark: bytes, until: float) -> bool:
            return True

    def make(issuer: LocalIssuer) -> Any:
        inner = taking(dpop=DPoP(seen=Never()))(issuer)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            named = dict(reversed(scope["headers"]))
            await inner({**scope, "headers": list(named.items())}, receive, send)

        return app

    rows = scored(make, "bound:*")
    assert verdicts(rows)["failed"] == ["two proofs", "proof used twice"]
    assert {row.kind for row in rows.values()} == {"advice"}


def test_where_tokens_are_carried_otherwise_no_proof_can_be(scored: Scored) -> None:
    """A cookie has no scheme. A bound token is refused there, too."""

    def make(issuer: LocalIssuer) -> Any:
        from rightkey.integrations.bearer import Bearer, cookie

        return RightKeyMiddleware(welcome, issuer.url, audience=AUDIENCE, bearer=Bearer(cookie("session")))

    rows = scored(make, "bound:*", carrier="Cookie: session={token}")
    assert verdicts(rows)["passed"] == ["as a bearer token", "no certificate"]
    assert "not carried by the scheme Bearer" in rows["bound: no proof"].told

"""Crowded: one process, many issuers, and some of them hang."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rightkey import Freshness, Trust, Verifier
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

PLACES = 32
"""Refreshes that run at once in a process."""


@pytest.fixture
def crowd(face, local, elapsed):
    """More issuers than may be asked at once, all of them silent, and a caller that waits for each."""
    silent = local()
    silent.misbehave("jwks", "hang")

    def gather() -> list:
        uris = (f"{silent.url}.well-known/jwks.json?tenant={number}" for number in range(PLACES))
        waiting = [
            face.meanwhile(
                face.verifier(silent, keys=uri, elapsed=elapsed, timeout=1.0, wait=1.0), [silent.token()]
            )
            for uri in uris
        ]
        assert silent.requests.wait("jwks", PLACES // 2, 60)
        return waiting

    yield gather
    silent.close()


def test_a_known_issuer_is_refreshed_though_others_hang(face, issuer, elapsed, crowd):
    """Half of the places are kept for issuers that have answered before."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    waiting = crowd()
    elapsed.move(601)
    assert face.call(verifier, known).status == 200
    assert issuer.requests.wait("jwks", 2, 60)
    assert {one.result(60)[0].verdict for one in waiting} == {(503, "keys_unavailable")}


def test_a_new_key_is_found_though_others_hang(face, issuer, elapsed, crowd):
    """At once, at an issuer that has answered before; and by one that was never asked, in its turn."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    waiting = crowd()
    issuer.rotate(surprise=True)
    assert {one.status for one in face.calls(verifier, [issuer.token()] * 5)} == {200}
    assert face.call(face.verifier(issuer, elapsed=elapsed, life=700), issuer.token()).status == 200
    for one in waiting:
        one.result(60)


class Slow:
    """Issuers in this process, each a moment away."""

    def __init__(self, issuers: dict[str, LocalIssuer], seconds: float) -> None:
        self.issuers, self.seconds = issuers, seconds

    def get(self, request):
        time.sleep(self.seconds)
        return self.issuers[f"https://{request.url.split('/')[2]}/"].transport().get(request)


@pytest.mark.slow
def test_150_healthy_issuers_at_once_are_all_answered():
    """Each 0.2 s away, with one token each, at a cold start: they wait their turn, and none is refused."""
    names = [f"https://crowd{number}.example/" for number in range(150)]
    issuers = {name: LocalIssuer(algorithm="ES256", url=name) for name in names}
    trusts = [Trust(name, audience=issuer.audience) for name, issuer in issuers.items()]
    freshness = Freshness(timeout=60.0, wait=120.0)  # how long it takes is the machine's affair
    several = Verifier.of(*trusts, transport=Slow(issuers, 0.1), freshness=freshness)
    tokens = [issuer.token(sub="alice") for issuer in issuers.values()]
    with ThreadPoolExecutor(len(tokens)) as threads:
        assert {token.subject for token in threads.map(several.verify, tokens)} == {"alice"}

"""Crowded: one process, many issuers, and some of them hang."""

from __future__ import annotations

import pytest

JOBS = 32
"""Fetches that one process has in flight at most."""


@pytest.fixture
def crowd(face, local, elapsed):
    """As many issuers as may be asked at once, all of them silent, and a caller who waits for each."""
    silent = local()
    silent.misbehave("jwks", "hang")

    def gather() -> list:
        uris = (f"{silent.url}.well-known/jwks.json?tenant={number}" for number in range(JOBS))
        waiting = [
            face.meanwhile(
                face.verifier(silent, keys=uri, elapsed=elapsed, timeout=2.0, wait=2.0), [silent.token()]
            )
            for uri in uris
        ]
        assert silent.requests.wait("jwks", JOBS)
        return waiting

    yield gather
    silent.close()


def test_a_known_key_past_its_life_serves_though_nobody_can_ask(face, issuer, elapsed, crowd):
    """The held keys serve for `stale_if_error`, whatever hinders a refresh."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    waiting = crowd()
    elapsed.move(601)
    assert face.call(verifier, known).status == 200
    assert issuer.requests["jwks"] == 1
    assert {one.result(20)[0].verdict for one in waiting} == {(503, "keys_unavailable")}
    assert face.call(verifier, known).status == 200


def test_a_new_key_is_503_while_nobody_can_ask(face, issuer, elapsed, crowd):
    """It may be good, and nobody can tell; once there is room it is found, and the budget was not spent."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    waiting = crowd()
    issuer.rotate(surprise=True)
    outcomes = face.calls(verifier, [issuer.token()] * 5)
    assert {one.verdict for one in outcomes} == {(503, "keys_unavailable")}
    assert all(one.retry_after >= 1 for one in outcomes)
    assert face.call(face.verifier(issuer, elapsed=elapsed, life=700), issuer.token()).status == 503
    for one in waiting:
        one.result(20)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 2

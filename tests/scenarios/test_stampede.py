"""Stampede: all come at once, and there is no key yet."""

from __future__ import annotations

import pytest

CROWD = 200


def test_a_cold_crowd_costs_one_request_a_document(face, issuer, elapsed):
    """200 callers released together share one fetch of each URL, and all are let in."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    outcomes = face.together(verifier, [issuer.token()] * CROWD)
    assert {outcome.verdict for outcome in outcomes} == {(200, None)}
    assert (issuer.requests["discovery"], issuer.requests["jwks"], issuer.requests.total) == (1, 1, 2)


def test_verifiers_built_for_each_call_share_the_fetch(face, issuer, elapsed):
    """What was fetched belongs to the process, not to a verifier: 20 of them ask once."""
    outcomes = [face.call(face.verifier(issuer, elapsed=elapsed), issuer.token()) for _ in range(20)]
    assert {outcome.status for outcome in outcomes} == {200}
    assert issuer.requests.total == 2


@pytest.mark.parametrize("what", ["status", pytest.param("hang", marks=pytest.mark.slow), "reset"])
def test_a_cold_crowd_at_a_broken_issuer_costs_one_attempt(face, issuer, elapsed, fast, what):
    """One attempt for all 200, all answered 503 by its deadline, and none of them a second attempt."""
    issuer.misbehave("discovery", what)
    verifier = face.verifier(issuer, elapsed=elapsed, **fast)
    outcomes = face.together(verifier, [issuer.token()] * CROWD)
    assert {outcome.verdict for outcome in outcomes} == {(503, "keys_unavailable")}
    assert all(outcome.retry_after >= 1 for outcome in outcomes)
    assert all(outcome.error.__cause__.code == "discovery_failed" for outcome in outcomes)
    assert issuer.requests.total == 1


@pytest.mark.slow
def test_a_cold_crowd_whose_keys_hang_costs_one_attempt(face, issuer, elapsed, fast):
    """The metadata comes and the keys never do: one request for each, 503 for all."""
    issuer.misbehave("jwks", "hang")
    verifier = face.verifier(issuer, elapsed=elapsed, **fast)
    outcomes = face.together(verifier, [issuer.token()] * CROWD)
    assert {outcome.verdict for outcome in outcomes} == {(503, "keys_unavailable")}
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 1)
    issuer.behave()
    elapsed.move(1.0)
    assert face.call(verifier, issuer.token()).status == 200
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 2)  # metadata that was read is kept


@pytest.mark.slow
def test_a_crowd_after_an_idle_hour_costs_one_request(face, issuer, elapsed):
    """Keys past their life: all wait for the same one answer."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1800)
    issuer.delay = 0.3
    outcomes = face.together(verifier, [issuer.token()] * CROWD)
    assert {outcome.status for outcome in outcomes} == {200}
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 2)


def test_keys_that_are_past_their_life_as_they_come_serve_who_waited_for_them(face, issuer, elapsed):
    """Where an answer takes longer than keys live, no caller asks again and again until its time is over."""

    def passing() -> float:
        return elapsed() + issuer.requests["jwks"]  # a second each

    verifier = face.verifier(issuer, elapsed=passing, life=0.5, min_life=0.5, max_life=0.5)
    for calls in (1, 2):
        assert face.call(verifier, issuer.token()).status == 200
        assert issuer.requests["jwks"] <= 3 * calls  # two that the caller waits for, one that no caller does

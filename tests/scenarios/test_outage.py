"""Outage: the issuer does not answer, or answers nonsense. Good tokens pass, and no client is told 401."""

from __future__ import annotations

import pytest

from rightkey.localissuer import fault

BROKEN = {
    "503": fault("status"),
    "500": fault("status", code=500),
    "429": fault("status", code=429, retry_after=30),
    "403": fault("status", code=403),
    "hang": fault("hang"),
    "drip-headers": fault("drip-headers"),
    "drip-body": fault("drip-body"),
    "huge": fault("huge"),
    "gzip-bomb": fault("gzip-bomb"),
    "html": fault("html"),
    "broken-json": fault("broken-json"),
    "empty-set": fault("empty-set"),
    "use-enc": fault("use-enc"),
    "redirect": fault("redirect"),
    "reset": fault("reset"),
    "truncated": fault("truncated"),
}


LATE = {"hang", "drip-headers", "drip-body", "huge", "gzip-bomb"}
"""What ends at a deadline of half a second, or takes megabytes."""
OUTAGES = [pytest.param(what, marks=[pytest.mark.slow] if what in LATE else []) for what in BROKEN]


@pytest.mark.parametrize("what", OUTAGES)
def test_known_keys_serve_to_the_end_of_the_bound_and_not_beyond(face, issuer, elapsed, fast, what):
    """600 s fresh and 3,600 s stale; then 503 with `retry_after`, never 401; and all is well again with the
    first good answer."""
    verifier = face.verifier(issuer, elapsed=elapsed, **fast)
    known, unknown = issuer.token(), issuer.token(header={"kid": "unknown"})
    assert face.call(verifier, known).status == 200
    issuer.misbehave("jwks", BROKEN[what])
    elapsed.move(599)
    assert face.call(verifier, known).status == 200
    elapsed.move(3600)
    assert face.call(verifier, known).status == 200  # waits for one attempt, which fails
    assert face.call(verifier, unknown).verdict == (503, "keys_unavailable")
    elapsed.move(2)
    for raw in (known, unknown):
        outcome = face.call(verifier, raw)
        assert outcome.verdict == (503, "keys_unavailable")
        assert outcome.retry_after >= 1
        assert outcome.error.__cause__ is not None
    assert verifier.status().ready is False
    issuer.behave()
    elapsed.move(301)
    assert face.call(verifier, known).status == 200
    assert face.call(verifier, unknown).verdict == (401, "key_not_found")


@pytest.mark.parametrize("what", OUTAGES)
def test_a_cold_start_into_an_outage(face, issuer, elapsed, fast, what):
    """503, one attempt, the cause chained; then recovery."""
    issuer.misbehave("jwks", BROKEN[what])
    verifier = face.verifier(issuer, elapsed=elapsed, **fast)
    outcome = face.call(verifier, issuer.token())
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.retry_after >= 1
    assert outcome.error.__cause__.code in ("keys_unavailable", "keyset_invalid")
    assert issuer.requests["jwks"] == 1
    issuer.behave()
    elapsed.move(31)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 2


@pytest.mark.parametrize(
    "what", ["503", pytest.param("hang", marks=pytest.mark.slow), "html", "broken-json", "redirect"]
)
def test_metadata_that_fails_while_keys_are_held(face, issuer, elapsed, fast, what):
    """What was known of the issuer serves on for a day: the keys are still asked for where they were."""
    verifier = face.verifier(issuer, elapsed=elapsed, **fast)
    assert face.call(verifier, issuer.token()).status == 200
    issuer.misbehave("discovery", BROKEN[what])
    elapsed.move(4000)
    issuer.rotate(surprise=True)
    assert face.call(verifier, issuer.token()).status == 200
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (2, 2)


def test_a_token_of_an_unknown_key_while_the_issuer_fails(face, issuer, elapsed):
    """It may be good, and it cannot be told: 503. Once an answer has confirmed that no key fits: 401."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.misbehave("jwks", "status")
    unknown = issuer.token(header={"kid": "unknown"})
    outcomes = face.calls(verifier, [unknown] * 50)
    assert {one.verdict for one in outcomes} == {(503, "keys_unavailable")}
    assert all(one.retry_after >= 1 for one in outcomes)
    assert issuer.requests["jwks"] == 2
    issuer.behave()
    elapsed.move(10)
    assert face.call(verifier, unknown).verdict == (401, "key_not_found")
    assert issuer.requests["jwks"] == 3


def test_fifty_calls_during_backoff_make_no_request(face, issuer, elapsed):
    """Cold: 503 at once, without asking."""
    issuer.misbehave("discovery", "status")
    verifier = face.verifier(issuer, elapsed=elapsed)
    outcomes = face.calls(verifier, [issuer.token()] * 50)
    assert {one.verdict for one in outcomes} == {(503, "keys_unavailable")}
    assert issuer.requests.total == 1


@pytest.mark.slow
def test_fifty_calls_during_backoff_with_keys_held(face, issuer, elapsed, settled, hold):
    """Held: all pass, without asking again; the attempt after the backoff is in the background."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    issuer.misbehave("jwks", "status")
    elapsed.move(601)
    assert {one.status for one in face.calls(verifier, [known] * 50)} == {200}
    assert issuer.requests["jwks"] == 2
    gate = hold(fault("status"))
    elapsed.move(1.1)
    outcomes = face.calls(verifier, [known] * 50)
    assert {one.status for one in outcomes} == {200}
    assert not verifier.status().next_attempt_in > 0  # none of them waited for the attempt
    gate.open()
    settled(lambda: verifier.status().next_attempt_in > 0, "the attempt never ended")
    assert issuer.requests["jwks"] == 3


def test_backoff_doubles_to_a_minute(face, issuer, elapsed):
    """An hour of outage costs an issuer whose keys are not held about one attempt a minute."""
    issuer.misbehave("discovery", "status")
    verifier = face.verifier(issuer, elapsed=elapsed)
    token = issuer.token()
    face.calls(verifier, [token] * 2)
    for _ in range(360):
        elapsed.move(10)
        face.call(verifier, token)
    assert 60 <= issuer.requests.total <= 130
    issuer.behave()
    elapsed.move(60)
    assert face.call(verifier, token).status == 200


@pytest.mark.parametrize(("asked", "honoured"), [(1, 1), (60, 60), (86400, 300)])
@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured_when_cold(face, issuer, elapsed, code, asked, honoured):
    """No request before it has passed; 5 minutes at most."""
    issuer.misbehave("discovery", fault("status", code=code, retry_after=asked), times=1)
    verifier = face.verifier(issuer, elapsed=elapsed)
    outcome = face.call(verifier, issuer.token())
    assert outcome.verdict == (503, "keys_unavailable")
    assert outcome.retry_after == pytest.approx(honoured, abs=0.1)
    elapsed.move(honoured - 0.1)
    assert face.call(verifier, issuer.token()).status == 503
    assert issuer.requests.total == 1
    elapsed.move(0.2)
    assert face.call(verifier, issuer.token()).status == 200


def test_retry_after_is_honoured_by_the_scheduled_refresh(face, issuer, elapsed, settled):
    """With keys held: no caller waits, and none asks, until it has passed."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    issuer.misbehave("jwks", fault("status", code=429, retry_after=120), times=1)
    elapsed.move(601)
    assert {one.status for one in face.calls(verifier, [known] * 10)} == {200}
    elapsed.move(119)
    assert {one.status for one in face.calls(verifier, [known] * 10)} == {200}
    assert issuer.requests["jwks"] == 2
    elapsed.move(2)
    assert face.call(verifier, known).status == 200
    settled(lambda: verifier.status().fresh_for > 0, "it was not asked again")
    assert issuer.requests["jwks"] == 3


def test_retry_after_is_honoured_by_the_forced_refetch(face, issuer, elapsed):
    """Unknown kids make no request until it has passed, whatever the budget holds."""
    verifier = face.verifier(issuer, elapsed=elapsed, life=3600)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.misbehave("jwks", fault("status", code=429, retry_after=120), times=1)
    for pause in (0, 60, 59):
        elapsed.move(pause)
        outcome = face.call(verifier, issuer.token(header={"kid": f"unknown-{pause}"}))
        assert outcome.verdict == (503, "keys_unavailable")
        assert issuer.requests["jwks"] == 2
    elapsed.move(2)
    assert face.call(verifier, issuer.token(header={"kid": "unknown"})).status == 401
    assert issuer.requests["jwks"] == 3


@pytest.mark.slow
def test_an_issuer_that_is_wholly_silent_past_the_life_of_the_keys(face, issuer, elapsed, settled):
    """Metadata and keys both due, both hang, and the two timeouts fill the wait (as 4 s, 4 s and 8 s do by
    default): the held keys serve all the same, to all who waited."""
    issuer.cache_control = "max-age=3600"
    verifier = face.verifier(issuer, elapsed=elapsed, connect_timeout=0.3, timeout=0.4, wait=0.8)
    known = issuer.token()
    while face.call(verifier, known).status != 200:  # on a busy machine an answer may take longer
        elapsed.move(60)
    issuer.requests.clear()
    issuer.misbehave("discovery", "hang")
    issuer.misbehave("jwks", "hang")
    elapsed.move(3700)
    outcomes = face.together(verifier, [known] * 20)
    assert {one.verdict for one in outcomes} == {(200, None)}
    settled(lambda: issuer.requests.counts == {"discovery": 1, "jwks": 1}, "it was not asked once for each")

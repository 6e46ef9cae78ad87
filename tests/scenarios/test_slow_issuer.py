"""Slow issuer, and one that says how long its answers last: who waits, and how often it is asked."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_keys_are_refreshed_ahead_and_nobody_waits(face, issuer, elapsed, settled, hold):
    """In the last fifth of their life one request in the background, for however many callers."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    elapsed.move(479)
    assert face.call(verifier, known).status == 200
    assert verifier.status().refresh_in > 0
    assert issuer.requests["jwks"] == 1
    elapsed.move(120)
    gate = hold()
    outcomes = face.together(verifier, [known] * 20) + face.calls(verifier, [known] * 20)
    assert {outcome.status for outcome in outcomes} == {200}
    assert verifier.status().fresh_for < 500  # none of them waited for the answer
    gate.open()
    settled(lambda: verifier.status().fresh_for > 500, "it was not refreshed")
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 2)


def test_the_moment_of_refreshing_is_spread(face, local, elapsed):
    """Processes that started together do not ask together: the moment lies anywhere from 80 to 90 per cent
    of the life."""
    moments = set()
    for _ in range(8):
        issuer = local()
        verifier = face.verifier(issuer, elapsed=elapsed)
        assert face.prepare(verifier).status == 200
        moments.add(verifier.status().refresh_in)
    assert all(479 < moment < 541 for moment in moments)
    assert len(moments) == 8


@pytest.mark.parametrize(
    ("stated", "fresh"),
    [
        (None, 600),
        ("max-age=15", 300),
        ("max-age=0", 300),
        ("no-store", 600),
        ("public, max-age=900, must-revalidate", 900),
        ("max-age=3801600", 3600),
        ("max-age=99999999999999999999", 3600),
        ("max-age=soon", 600),
    ],
)
def test_max_age_is_kept_within_bounds(face, issuer, elapsed, stated, fresh):
    """5 minutes at least (15 s have been seen), an hour at most (44 days have been seen)."""
    issuer.cache_control = stated
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    assert verifier.status().fresh_for == pytest.approx(fresh, abs=0.01)
    elapsed.move(fresh * 0.79)
    assert face.call(verifier, known).status == 200
    assert issuer.requests["jwks"] == 1
    elapsed.move(fresh * 0.22)
    assert face.call(verifier, known).status == 200
    assert issuer.requests["jwks"] == 2


@pytest.mark.parametrize(
    ("stated", "stale"),
    [
        ("max-age=600, stale-if-error=60", 600),
        ("max-age=600, must-revalidate", 600),
        ("stale-if-error=86400", 3600),
    ],
)
def test_the_issuer_may_shorten_how_long_keys_serve_in_an_outage(face, issuer, elapsed, stated, stale):
    """To 10 minutes at the least; it may not lengthen it."""
    issuer.cache_control = stated
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    issuer.misbehave("jwks", "status")
    elapsed.move(600 + stale - 1)
    assert face.call(verifier, known).status == 200
    elapsed.move(2)
    assert face.call(verifier, known).verdict == (503, "keys_unavailable")


def test_an_etag_renews_without_a_new_set(face, issuer, elapsed):
    """304 gives the set another life, as often as it comes; a change is seen, and revalidated anew."""
    issuer.etag = True
    verifier = face.verifier(issuer, elapsed=elapsed)
    old = issuer.token()
    assert face.call(verifier, old).status == 200
    assert "if-none-match" not in issuer.recorded[-1].headers
    for asked in (2, 3):
        elapsed.move(601)
        assert face.call(verifier, old).status == 200
        assert issuer.requests["jwks"] == asked
        assert "if-none-match" in issuer.recorded[-1].headers
        assert verifier.status().fresh_for == pytest.approx(600, abs=0.01)
    gone = issuer.current
    issuer.rotate()
    issuer.revoke(gone.kid)
    elapsed.move(601)
    assert face.call(verifier, old).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 4


def test_a_forced_refetch_may_be_answered_with_304(face, issuer, elapsed):
    """It confirms that nothing fits."""
    issuer.etag = True
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    unknown = issuer.token(header={"kid": "unknown"})
    assert {one.verdict for one in face.calls(verifier, [unknown] * 3)} == {(401, "key_not_found")}
    assert issuer.requests["jwks"] == 2


def test_a_key_that_leaked_stays_gone_through_a_304(face, issuer, elapsed):
    """What renews the set renews nothing of what it was that leaked."""
    issuer.etag = True
    verifier = face.verifier(issuer, elapsed=elapsed)
    leaked = issuer.token()
    issuer.misbehave("jwks", "private-members")
    assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    elapsed.move(601)
    assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    issuer.behave()
    elapsed.move(601)
    assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200


def test_prepare_has_the_keys_before_the_first_token(face, issuer, elapsed):
    """Then no caller waits, however slow the issuer becomes."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.prepare(verifier).status == 200
    assert face.prepare(verifier).status == 200
    issuer.misbehave("jwks", "hang")
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests.total == 2

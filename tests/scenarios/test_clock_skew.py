"""Clock skew: the issuer's clock and ours differ, or ours is wrong."""

from __future__ import annotations

import pytest

import rightkey

NOW = 1_800_000_000


@pytest.fixture
def skewed(local, face, elapsed):
    """An issuer at `NOW`, and a verifier whose clock is so many seconds ahead of it."""

    def at(ahead: float, **settings):
        issuer = local(clock=lambda: NOW)
        return issuer, face.verifier(issuer, clock=lambda: NOW + ahead, elapsed=elapsed, **settings)

    return at


@pytest.mark.parametrize(
    ("ahead", "leeway", "claims", "reasons"),
    [
        (0, 0, {"exp": NOW + 1}, set()),
        (0, 0, {"exp": NOW}, {("exp", "expired")}),
        (30, 60, {"exp": NOW}, set()),
        (59, 60, {"exp": NOW}, set()),
        (61, 60, {"exp": NOW}, {("exp", "expired")}),
        (0, 0, {"nbf": NOW}, set()),
        (-1, 0, {"nbf": NOW}, {("nbf", "not_yet_valid")}),
        (-59, 60, {"nbf": NOW}, set()),
        (-61, 60, {"nbf": NOW}, {("nbf", "not_yet_valid")}),
    ],
)
def test_leeway_on_both_sides(face, skewed, ahead, leeway, claims, reasons):
    """As many seconds as were allowed, and not one more; what fails costs no request."""
    issuer, verifier = skewed(ahead, leeway=leeway)
    outcome = face.call(verifier, issuer.token(**claims))
    assert {(one.claim, one.reason) for one in getattr(outcome.error, "failures", ())} >= reasons
    assert outcome.status == (401 if reasons else 200)
    assert issuer.requests.total == (0 if reasons else 2)


def test_a_service_whose_clock_is_years_behind(face, skewed):
    """Its keys are as fresh as ever; a token without `nbf` passes if `iat` is not judged, else it is refused
    as not yet valid: never 503, never a request more."""
    issuer, verifier = skewed(-10 * 365 * 86400)
    outcome = face.call(verifier, issuer.token(nbf=NOW))
    assert outcome.verdict == (401, "claims_rejected")
    assert not outcome.error.expired
    assert issuer.requests.total == 0


def test_a_service_whose_clock_is_years_ahead(face, skewed):
    """Every token has expired."""
    issuer, verifier = skewed(10 * 365 * 86400)
    outcome = face.call(verifier, issuer.token())
    assert outcome.verdict == (401, "claims_rejected")
    assert outcome.error.expired
    assert issuer.requests.total == 0


def test_a_remembered_token_expires_all_the_same(face, local, elapsed):
    """The memory stands for the signature, not for the time."""
    now = [NOW]
    issuer = local(clock=lambda: NOW)
    verifier = face.verifier(issuer, clock=lambda: now[0], elapsed=elapsed)
    token = issuer.token(exp=NOW + 60)
    assert face.call(verifier, token).status == 200
    now[0] += 61
    assert face.call(verifier, token).verdict == (401, "claims_rejected")
    now[0] -= 60
    assert face.call(verifier, token).status == 200


def test_the_wall_clock_does_not_stretch_the_life_of_keys(face, issuer, elapsed):
    """Freshness goes by what has passed: a clock that is set back an hour keeps no key an hour longer."""
    now = [NOW]
    verifier = face.verifier(issuer, clock=lambda: now[0], elapsed=elapsed)
    token = issuer.token(exp=NOW + 86400, iat=NOW - 86400)
    assert face.call(verifier, token).status == 200
    now[0] -= 3600
    issuer.misbehave("jwks", "status")
    elapsed.move(4201)
    assert face.call(verifier, token).verdict == (503, "keys_unavailable")


def test_a_clock_too_far_off_is_refused_as_a_setting(face, issuer):
    """Over five minutes a clock needs mending, not leeway."""
    with pytest.raises(rightkey.Misconfigured):
        face.verifier(issuer, leeway=301)

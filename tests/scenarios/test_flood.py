"""Flood: strangers forge tokens by the thousand, and neither the issuer nor a user must notice."""

from __future__ import annotations

import pytest

from rightkey.sources.guard import GUARD
from rightkey.sources.jobs import JOBS


@pytest.fixture
def forged(issuer):
    """Tokens under key ids that the issuer never had."""

    def forge(count: int, start: int = 0) -> list[str]:
        return [issuer.token(header={"kid": f"forged-{start + number}"}) for number in range(count)]

    return forge


@pytest.mark.slow
def test_a_thousand_forged_kids_cost_two_requests_and_nobody_else_waits(face, issuer, elapsed, forged, hold):
    """1,000 unknown kids within a second of a cold start, at an issuer that takes its time.

    At most 2 requests more; a known kid is answered meanwhile, one call after the other, more than a hundred
    times before the issuer has answered once; a genuine new key passes once 10 s have gone by. How
    long such a call takes is measured by `bench/locating`.
    """
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    elapsed.move(1)
    gate = hold()
    flooded, meanwhile = face.besieged(
        verifier, forged(1000), known, 1.0, lambda answered: gate.open() if answered > 100 else None
    )
    assert issuer.requests["jwks"] <= 1 + 2
    assert issuer.requests["discovery"] == 1
    assert {outcome.verdict for outcome in flooded} <= {(401, "key_not_found"), (503, "keys_unavailable")}
    if not face.blocks:
        assert {outcome.status for outcome in flooded} == {401}
    assert {outcome.status for outcome in meanwhile} == {200}
    issuer.rotate(surprise=True)
    elapsed.move(10)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] <= 1 + 3


def test_under_a_flood_that_goes_on_a_rotation_waits_ten_seconds(face, issuer, elapsed, forged):
    """The flood may take the draw; what it fetches brings the genuine key all the same."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    assert {one.status for one in face.calls(verifier, forged(200))} == {401}
    assert issuer.requests["jwks"] == 1 + 2
    issuer.rotate(surprise=True)
    genuine = issuer.token()
    assert face.call(verifier, genuine).verdict == (401, "key_not_found")  # the budget is spent
    elapsed.move(10)
    assert {one.status for one in face.calls(verifier, forged(50, 1000))} == {401}
    assert face.call(verifier, genuine).status == 200
    assert issuer.requests["jwks"] == 1 + 3


@pytest.mark.slow
def test_a_long_flood_slows_down_and_a_rotation_waits_twenty_seconds_at_most(face, issuer, elapsed, forged):
    """10 minutes of forged kids, a new one each second, cost a request each 20 s in the end; then a genuine
    rotation is found within 20 s. Until then its tokens are told 401, and that it is not confirmed."""
    verifier = face.verifier(issuer, elapsed=elapsed, life=3600)
    assert face.call(verifier, issuer.token()).status == 200
    for second in range(590):
        elapsed.move(1)
        assert face.call(verifier, forged(1, second)[0]).status == 401
    assert issuer.requests["jwks"] <= 1 + 2 + 2 + 590 // 20 + 3
    before = issuer.requests["jwks"]
    issuer.rotate(surprise=True)
    genuine = issuer.token()
    waited = 0
    while (outcome := face.call(verifier, genuine)).status != 200:
        assert (outcome.verdict, outcome.confirmed) == ((401, "key_not_found"), False)
        assert 1 <= outcome.retry_after <= 20
        elapsed.move(1)
        face.call(verifier, forged(1, 1000 + waited)[0])
        waited += 1
        assert waited <= 20
    assert issuer.requests["jwks"] == before + 1


def test_one_forged_kid_over_and_over_is_one_question(face, issuer, elapsed, forged):
    """Asked once, remembered as fitting nothing; again after 10 s, then every 20 s."""
    verifier = face.verifier(issuer, elapsed=elapsed, life=3600)
    assert face.call(verifier, issuer.token()).status == 200
    (token,) = forged(1)
    for pause, more in ((1, 1), (9, 0), (2, 1), (18, 0), (3, 1), (18, 0), (3, 1)):
        elapsed.move(pause)
        before = issuer.requests["jwks"]
        assert {one.verdict for one in face.calls(verifier, [token] * 20)} == {(401, "key_not_found")}
        assert issuer.requests["jwks"] == before + more


def test_a_hundred_bad_signatures_cost_one_request(face, issuer, elapsed):
    """On a known kid: asked once whether the key was swapped, confirmed, then not again for 10 s."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    known = issuer.token()
    assert face.call(verifier, known).status == 200
    elapsed.move(1)
    bad = [_spoilt(issuer.token(jti=f"bad-{number}")) for number in range(100)]
    assert {one.verdict for one in face.together(verifier, bad)} == {(401, "signature_invalid")}
    assert issuer.requests["jwks"] == 2
    elapsed.move(9)
    assert {one.verdict for one in face.calls(verifier, bad)} == {(401, "signature_invalid")}
    assert issuer.requests["jwks"] == 2
    assert face.call(verifier, known).status == 200


def test_bad_signatures_never_take_the_last_draw(face, issuer, elapsed):
    """After both kinds of flood a genuine rotation is still found at once: the last draw was kept for it."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    for key in (issuer.current, issuer.next):
        bad = _spoilt(issuer.token(key=key))
        assert face.call(verifier, bad).verdict == (401, "signature_invalid")
    assert issuer.requests["jwks"] == 2
    issuer.rotate(surprise=True)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 3


@pytest.mark.slow
def test_what_no_key_can_mend_costs_nothing(face, local, elapsed):
    """Malformed, expired, meant for another, of another issuer, by a refused algorithm: no request, and no
    keys needed to say so."""
    issuer = local(algorithm="RS256")
    verifier = face.verifier(issuer, elapsed=elapsed)
    hopeless = [
        "",
        "x",
        "a.b.c",
        b"\xff.\xff.\xff",
        "\ud800.x.y",
        "." * 70_000,
        issuer.token(exp=1),
        issuer.token(aud="https://other.example"),
        issuer.token(iss="https://other.example/"),
        issuer.attack("alg-none"),
        issuer.token(header={"crit": ["x"]}),
    ]
    outcomes = face.calls(verifier, hopeless)
    assert {outcome.status for outcome in outcomes} == {401}
    assert issuer.requests.total == 0


@pytest.mark.slow
def test_too_many_threads_that_wait_are_answered_at_once(face, issuer, elapsed, hold, settled):
    """16 threads may wait for a forced refetch; the 17th is answered at once, unconfirmed, with when to come
    again. Tasks hold no thread: all of them wait, and all of them pass."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.rotate(surprise=True)
    gate = hold()
    genuine = issuer.token()
    waiting = face.meanwhile(verifier, [genuine] * 16)
    assert issuer.requests.wait("jwks", 2, 60)
    if face.blocks:
        settled(lambda: len(_job_of(verifier).waiters) == 16, "they do not all wait")
    more = face.meanwhile(verifier, [genuine] * 40)
    if not face.blocks:
        gate.open()
    others = more.result(60)
    if face.blocks:
        assert not waiting.done()  # the issuer has not answered yet
        gate.open()
        assert {outcome.verdict for outcome in others} == {(401, "key_not_found")}
        assert not any(outcome.confirmed for outcome in others)
        assert all(outcome.retry_after >= 1 for outcome in others)
    else:
        assert {outcome.status for outcome in others} == {200}
    assert {outcome.status for outcome in waiting.result(60)} == {200}
    assert face.call(verifier, genuine).status == 200
    assert issuer.requests["jwks"] == 2


def _job_of(verifier):
    with GUARD:
        return JOBS.find(verifier._issuer.source)


def _spoilt(token: str) -> str:
    """The same under a signature that is none of this token's."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature[:-8][::-1]}{signature[-8:]}"

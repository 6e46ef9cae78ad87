"""Rotation: the issuer signs with another key from one moment to the next."""

from __future__ import annotations

import time

import pytest


def test_a_rotation_one_second_after_a_cold_start_is_found_at_once(face, issuer, elapsed):
    """The start drew nothing from the budget."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    old = issuer.token()
    assert face.call(verifier, old).status == 200
    elapsed.move(1)
    new = issuer.rotate(surprise=True)
    outcome = face.call(verifier, issuer.token())
    assert (outcome.status, outcome.kid) == (200, new.kid)
    assert face.call(verifier, old).status == 200
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 2)
    assert issuer.recorded[-1].headers["cache-control"] == "no-cache"


def test_a_rotation_to_a_published_key_costs_nothing(face, issuer, elapsed):
    """Auth0 publishes the next key before it signs."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    new = issuer.rotate()
    assert face.call(verifier, issuer.token()).kid == new.kid
    assert issuer.requests["jwks"] == 1


def test_three_rotations_in_a_row(face, issuer, elapsed):
    """Two are found at once, and one more every 10 s."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    statuses = []
    for _ in range(3):
        elapsed.move(0.1)
        issuer.rotate(surprise=True)
        statuses.append(face.call(verifier, issuer.token()).status)
    assert statuses == [200, 200, 401]
    elapsed.move(10)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 1 + 3


@pytest.mark.slow
def test_a_hundred_callers_of_one_new_key_cost_one_request(face, issuer, elapsed):
    """All wait for the same answer, and all pass (with room for that many threads)."""
    verifier = face.verifier(issuer, elapsed=elapsed, waiting_threads=100)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.rotate(surprise=True)
    issuer.delay = 0.5
    outcomes = face.together(verifier, [issuer.token(jti=str(number)) for number in range(100)])
    assert {outcome.verdict for outcome in outcomes} == {(200, None)}
    assert issuer.requests["jwks"] == 2


@pytest.mark.slow
def test_a_hundred_callers_of_one_new_key_by_default(face, issuer, elapsed):
    """Where only 16 threads may wait, the others are told to come again: 401, not confirmed."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    issuer.rotate(surprise=True)
    issuer.delay = 0.5
    outcomes = face.together(verifier, [issuer.token()] * 100)
    verdicts = [outcome.verdict for outcome in outcomes]
    assert set(verdicts) <= {(200, None), (401, "key_not_found")}
    assert not any(outcome.confirmed for outcome in outcomes if outcome.status == 401)
    assert verdicts.count((200, None)) >= (16 if face.blocks else 100)
    assert issuer.requests["jwks"] == 2


def test_a_swap_under_the_same_kid_is_healed_by_the_one_retry(face, issuer, elapsed):
    """New key material under the same key id: one request, and the token of the old material is refused."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    old = issuer.token()
    assert face.call(verifier, old).status == 200
    elapsed.move(1)
    issuer.swap()
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 2
    assert face.call(verifier, old).verdict == (401, "signature_invalid")


@pytest.mark.slow
def test_a_rotation_during_the_cold_start(face, issuer, elapsed, hold):
    """A key that came to be while the first answer was on its way: one more request finds it."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    gate = hold()
    first = face.meanwhile(verifier, [issuer.token()])
    assert gate.reached.wait(60)
    issuer.rotate(surprise=True)  # the answer under way was made before
    second = face.meanwhile(verifier, [issuer.token()])
    gate.open()
    assert [one.result(60)[0].status for one in (first, second)] == [200, 200]
    assert issuer.requests["jwks"] == 2


def test_a_new_algorithm_comes_with_the_rotation(face, issuer, elapsed):
    """The set may change in kind as well."""
    from rightkey.localissuer import Fault, SigningKey

    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    new = SigningKey.generate("EdDSA")
    issuer.misbehave("jwks", Fault("new", rewrite=lambda document, scene: {"keys": [new.public_jwk()]}))
    assert face.call(verifier, issuer.token(key=new)).status == 200
    assert issuer.requests["jwks"] == 2


def test_a_rotation_by_the_clocks_of_the_system(face, issuer):
    """No clock of ours: a rotation at once after a cold start costs one request, and is found at once."""
    verifier, began = face.verifier(issuer), time.monotonic()
    assert face.call(verifier, issuer.token()).status == 200
    issuer.rotate(surprise=True)
    assert face.call(verifier, issuer.token()).status == 200
    assert (issuer.requests["discovery"], issuer.requests["jwks"]) == (1, 2)
    unknown = issuer.token(header={"kid": "unknown"})
    assert {one.verdict for one in face.calls(verifier, [unknown] * 20)} == {(401, "key_not_found")}
    assert 0 <= issuer.requests["jwks"] - 3 <= (time.monotonic() - began) // 10  # one more each 10 s


def test_a_rotation_is_told(face, issuer, elapsed, settled):
    """A listener hears which keys came and went, soon; one that raises harms no caller."""
    from rightkey.events import KeysFetched, KeysRotated

    heard = []

    def listen(event) -> None:
        heard.append(event)
        raise ZeroDivisionError

    verifier = face.verifier(issuer, elapsed=elapsed, listener=listen)
    assert face.call(verifier, issuer.token()).status == 200
    settled(lambda: len(heard) == 1, "the first fetch was not told")
    assert isinstance(heard[0], KeysFetched)
    old = issuer.current
    issuer.rotate()
    issuer.revoke(old.kid)
    assert face.refresh(verifier).status == 200
    settled(lambda: any(isinstance(event, KeysRotated) for event in heard), "the rotation was not told")
    (rotated,) = [event for event in heard if isinstance(event, KeysRotated)]
    assert rotated.added == (issuer.next.kid,)
    assert rotated.removed == (old.kid,)

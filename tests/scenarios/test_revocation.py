"""Revocation: a key that is gone must be refused, and the bound on how late is stated."""

from __future__ import annotations

import pytest


@pytest.fixture
def withdrawn(issuer):
    """Revokes the key that has signed so far, and returns a token by it and one by its successor."""

    def withdraw() -> tuple[str, str]:
        old, token = issuer.current, issuer.token()
        issuer.rotate()
        issuer.revoke(old.kid)
        return token, issuer.token()

    return withdraw


def test_a_removed_key_is_refused_after_the_next_good_answer(face, issuer, elapsed, withdrawn):
    """Until then its tokens pass; from then on none does, remembered tokens included."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    old = issuer.token()
    assert face.call(verifier, old).status == 200
    revoked, successor = withdrawn()
    assert [one.status for one in face.calls(verifier, [old, revoked, successor])] == [200, 200, 200]
    assert issuer.requests["jwks"] == 1  # it was published as next: nothing to ask
    assert face.refresh(verifier).status == 200
    outcomes = face.calls(verifier, [old, revoked, successor])
    assert [one.verdict for one in outcomes] == [(401, "key_not_found")] * 2 + [(200, None)]
    # one refetch to make sure for each; the same header twice is one question
    assert issuer.requests["jwks"] == 3


def test_an_idle_service_refuses_a_revoked_key_at_the_first_request(face, issuer, elapsed, withdrawn):
    """Past the life of the keys the first caller waits for an answer, and is judged by that."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    revoked, successor = withdrawn()
    elapsed.move(601)
    assert face.call(verifier, revoked).verdict == (401, "key_not_found")
    assert face.call(verifier, successor).status == 200
    assert issuer.requests["jwks"] <= 3


@pytest.mark.slow
def test_an_idle_service_refuses_a_revoked_key_to_all_who_come_at_once(
    face, issuer, elapsed, withdrawn, settled
):
    """Who comes while the first caller's attempt is under way is judged by its answer as well."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    revoked, _ = withdrawn()
    elapsed.move(601)
    issuer.delay = 0.2
    first = face.meanwhile(verifier, [revoked])
    assert issuer.requests.wait("jwks", 2, 60)
    second = face.call(verifier, revoked)
    assert [second.verdict, first.result(60)[0].verdict] == [(401, "key_not_found")] * 2


def test_the_bound_is_stated_and_kept(face, issuer, elapsed, withdrawn):
    """While the issuer is out, a revoked key passes for as long as `status` said, and no longer."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    revoked, _ = withdrawn()
    issuer.misbehave("jwks", "status")
    bound = verifier.status().revoked_key_bound
    assert bound == pytest.approx(600 + 3600)
    elapsed.move(bound - 1)
    assert face.call(verifier, revoked).status == 200
    elapsed.move(2)
    assert face.call(verifier, revoked).verdict == (503, "keys_unavailable")


def test_a_leaked_private_key_is_gone_at_once_and_for_good(face, issuer, elapsed):
    """The answer that holds its private half ends it; published clean again, it stays refused."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    leaked = issuer.token()
    assert face.call(verifier, leaked).status == 200
    issuer.misbehave("jwks", "private-members", times=1)
    assert face.refresh(verifier).status == 200
    assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200
    for _ in range(3):
        elapsed.move(3600)
        assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    assert verifier.status().keys == 1


def test_a_set_whose_only_key_leaks_is_refused_and_leaves_nothing(face, local, elapsed):
    """No signing key is left in the answer: it replaces nothing, and the leak counts all the same."""
    from rightkey.localissuer import Fault

    issuer = local()

    def leak(document, scene):
        return {"keys": [scene.key.private_jwk()]}

    verifier = face.verifier(issuer, elapsed=elapsed)
    leaked, other = issuer.token(), issuer.token(key=issuer.next)
    assert face.call(verifier, leaked).status == 200
    issuer.misbehave("jwks", Fault("leak", rewrite=leak))
    refreshed = face.refresh(verifier)
    assert refreshed.verdict == (502, "keyset_invalid")
    assert face.call(verifier, leaked).verdict == (401, "key_not_found")
    assert face.call(verifier, other).status == 200


def test_a_distrusted_key_is_refused_by_every_verifier_of_the_process(face, issuer, elapsed):
    """Also by one built later, and through every answer that publishes it again."""
    verifier, other = (face.verifier(issuer, elapsed=elapsed) for _ in range(2))
    token = issuer.token()
    assert face.call(verifier, token).status == 200
    other.distrust(issuer.current.kid)
    elapsed.move(700)
    for each in (verifier, other, face.verifier(issuer, elapsed=elapsed)):
        assert face.call(each, token).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200
    assert issuer.requests["jwks"] == 2  # the scheduled one: a distrusted key causes none

"""Odd keys: an issuer publishes what it should not, and the good keys among it must go on."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from rightkey.localissuer import Fault, SigningKey
from rightkey.localissuer.keys.jwk import public_members


@pytest.fixture
def published(issuer):
    """Has the issuer publish the members that a function makes of its own."""

    def publish(change) -> None:
        issuer.misbehave(
            "jwks", Fault("odd", rewrite=lambda document, scene: {"keys": change(document["keys"])})
        )

    return publish


def test_two_keys_under_one_kid(face, issuer, elapsed):
    """Both fit, and the one that signed verifies: no request more."""
    issuer.misbehave("jwks", "duplicate-kid")
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    assert face.call(verifier, issuer.attack("wrong-key")).status == 200  # its key is published as well
    assert issuer.requests["jwks"] == 1


def test_a_token_without_kid_and_one_key(face, issuer, elapsed, published):
    """The only key of its type is the one."""
    published(lambda keys: keys[:1])
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token(header={"kid": None})).status == 200
    assert issuer.requests["jwks"] == 1


def test_a_token_without_kid_and_several_keys(face, issuer, elapsed):
    """Each that fits is tried."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    for key in issuer.keys:
        outcome = face.call(verifier, issuer.token(key=key, header={"kid": None}))
        assert (outcome.status, outcome.kid) == (200, key.kid)
    assert issuer.requests["jwks"] == 1


def test_a_token_without_kid_and_nine_keys(face, issuer, elapsed, published):
    """Eight are tried: a set that long needs key ids."""
    strangers = [SigningKey.generate("ES256").public_jwk() for _ in range(8)]
    published(lambda keys: [*strangers[:7], keys[0]])
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token(header={"kid": None})).status == 200


def test_a_key_without_kid_fits_every_kid(face, issuer, elapsed, published):
    """The issuer names keys in tokens, and not in its set."""
    published(lambda keys: [{name: value for name, value in key.items() if name != "kid"} for key in keys])
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 1


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": ["sign"]},
        {"alg": "ECDH-ES"},
        {"x": "AA"},
        {"crv": "P-257"},
        {"kty": "LWE"},
        {"kty": None},
    ],
    ids=str,
)
def test_a_member_that_is_no_signing_key(face, issuer, elapsed, published, members):
    """It is skipped, its tokens are 401 without a request, and the key beside it goes on."""
    published(lambda keys: [keys[0] | members, *keys[1:]])
    verifier = face.verifier(issuer, elapsed=elapsed)
    for _ in range(3):
        elapsed.move(1)
        assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200
    assert issuer.requests["jwks"] == 1


def test_a_jwk_of_another_alg(face, issuer, elapsed, published):
    """A key that states one algorithm verifies no other."""
    published(lambda keys: [keys[0] | {"alg": "ES384"}, *keys[1:]])
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200


def test_an_rsa_alg_of_the_same_family(face, local, elapsed):
    """RS512 on the key, RS256 in the token: refused, though the mathematics would do."""
    issuer = local(algorithm="RS256")

    def rewrite(document, scene):
        return {"keys": [key | {"alg": "RS512"} for key in document["keys"]]}

    issuer.misbehave("jwks", Fault("alg", rewrite=rewrite))
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")


def test_a_jwk_without_alg(face, issuer, elapsed):
    """Its type and curve say enough."""
    issuer.misbehave("jwks", "no-alg")
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200


def test_rsa_of_1024_bits(face, issuer, elapsed):
    """Too weak for any issuer; the other keys go on."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    weak = SigningKey("weak", "RS256", issuer.current.form, None, private)
    member = public_members(private, "RS256") | {"kid": "weak", "use": "sig", "alg": "RS256"}

    def rewrite(document, scene):
        return {"keys": [member, *document["keys"]]}

    issuer.misbehave("jwks", Fault("weak", rewrite=rewrite))
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token(key=weak)).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 1


def test_broken_members_beside_good_ones(face, issuer, elapsed):
    """Null, a string, a key without its number, a type from the future."""
    issuer.misbehave("jwks", "broken-member")
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    assert face.call(verifier, issuer.token(header={"kid": "odd"})).verdict == (401, "key_not_found")
    assert issuer.requests["jwks"] == 2  # a member that was broken in one answer may be whole in the next


def test_a_member_that_is_mended_under_its_kid_is_found(face, issuer, elapsed):
    """After ten seconds at most, and not when the answer with the broken one ends its life."""

    def spoiled(document, scene):
        return {"keys": [{**key, "y": "AAAA"} if key["kid"] == kid else key for key in document["keys"]]}

    kid = issuer.current.kid
    issuer.misbehave("jwks", Fault("spoiled", rewrite=spoiled))
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")
    issuer.behave("jwks")
    elapsed.move(11)
    assert face.call(verifier, issuer.token()).status == 200


def test_a_certificate_of_another_key(face, issuer, elapsed, published):
    """x5c that is not for the key beside it: the signature would do, and the key is not to be trusted."""
    other = base64.b64encode(issuer.next.certificate).decode()
    published(lambda keys: [keys[0] | {"x5c": [other]}, *keys[1:]])
    verifier = face.verifier(issuer, elapsed=elapsed)
    for _ in range(3):
        assert face.call(verifier, issuer.token()).verdict == (401, "certificate_rejected")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200
    ignoring = face.verifier(issuer, elapsed=elapsed, certificates="ignore")
    assert face.call(ignoring, issuer.token()).status == 200
    assert issuer.requests["jwks"] == 1


def test_a_certificate_that_cannot_be_read(face, issuer, elapsed, published):
    """It warns, and no more."""
    published(lambda keys: [keys[0] | {"x5c": ["AAAA"]}, *keys[1:]])
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200


def test_private_members_from_the_start(face, issuer, elapsed):
    """A key whose private half the world has signs for the world: its tokens are refused, cold already."""
    issuer.misbehave("jwks", "private-members")
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).verdict == (401, "key_not_found")
    assert face.call(verifier, issuer.token(key=issuer.next)).status == 200
    assert issuer.requests["jwks"] == 1


@pytest.mark.parametrize(
    "attack",
    ["jwk-header", "jku-header", "x5u-header", "x5c-header", "kid-path", "kid-sql", "kid-crlf", "huge-kid"],
)
def test_a_token_that_brings_its_own_key(face, issuer, elapsed, attack):
    """It leads nowhere: refused, and no request but to the issuer's own documents."""
    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    elapsed.move(1)
    assert face.call(verifier, issuer.attack(attack)).status == 401
    assert issuer.requests.total == issuer.requests["discovery"] + issuer.requests["jwks"]
    assert issuer.requests["jwks"] <= 2


def test_every_attack_is_refused_with_401(face, issuer, elapsed):
    """And nothing else leaves `verify`."""
    from rightkey.localissuer import ATTACKS

    verifier = face.verifier(issuer, elapsed=elapsed)
    assert face.call(verifier, issuer.token()).status == 200
    for name in ATTACKS:
        elapsed.move(1)
        assert face.call(verifier, issuer.attack(name)).status == 401, name
    assert face.call(verifier, issuer.token()).status == 200

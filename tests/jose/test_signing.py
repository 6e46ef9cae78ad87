"""What a service signs with a private key of its own."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.conftest import signing_key

from rightkey.jose.jws import verify_jws
from rightkey.jose.keyset import KeySet
from rightkey.jose.signing import Signer

RSA = signing_key("RS256").private
KEYS = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key: object) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("alg", KEYS)
def test_what_a_key_signs_its_public_half_verifies(alg: str) -> None:
    """By the algorithm that fits it first; the header may have more members."""
    signer = Signer.of(pem(KEYS[alg]))
    raw = signer.sign({"iss": "me"}, {"typ": "JWT", "kid": "k"})
    public = KEYS[alg].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jws = verify_jws(raw, KeySet.from_pem(public, kid="k"), algorithms=[alg])
    assert (jws.header, jws.payload) == ({"alg": alg, "typ": "JWT", "kid": "k"}, b'{"iss":"me"}')


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_signs_by_what_is_asked(alg: str) -> None:
    raw = Signer.of(pem(RSA), alg).sign({}, {})
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert verify_jws(raw, KeySet.from_pem(public), algorithms=[alg]).header == {"alg": alg}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"s3cr3t",
        b"-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----",
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        pem(rsa.generate_private_key(65537, 1024)),
        pem(ec.generate_private_key(ec.SECP256K1())),
        pem(x25519.X25519PrivateKey.generate()),
    ],
)
def test_what_cannot_sign_is_refused(text: bytes) -> None:
    """A public, a short, a foreign key, or none; nothing of it is quoted."""
    with pytest.raises(ValueError, match="no private key in PEM that can sign") as caught:
        Signer.of(text)
    assert "s3cr3t" not in str(caught.value)


def test_an_algorithm_must_fit_the_key() -> None:
    with pytest.raises(ValueError, match="signs by EdDSA, Ed448 alone"):
        Signer.of(pem(ed448.Ed448PrivateKey.generate()), "RS256")


def test_its_repr_shows_nothing_private() -> None:
    assert repr(Signer.of(pem(RSA))) == "Signer(alg='RS256')"

"""The local issuer's JWKs: what others read from them is the key."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from tests.conftest import signing_key

from rightkey.localissuer.keys.jwk import private_members, public_members


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(octets(text))


def test_rsa_members_are_the_numbers_of_the_key() -> None:
    """An RSA key can be rebuilt from its JWK alone, by the numbers of RFC 7518, section 6.3."""
    key = signing_key("RS256").private
    public, private = public_members(key, "RS256"), private_members(key)
    assert public.keys() == {"kty", "n", "e"}
    assert public["e"] == "AQAB"
    numbers = rsa.RSAPrivateNumbers(
        **{name: number(private[name]) for name in ("p", "q", "d")},
        dmp1=number(private["dp"]),
        dmq1=number(private["dq"]),
        iqmp=number(private["qi"]),
        public_numbers=rsa.RSAPublicNumbers(number(public["e"]), number(public["n"])),
    )
    assert numbers == key.private_numbers()


@pytest.mark.parametrize(
    ("curve", "crv", "size"),
    [
        (ec.SECP256R1(), "P-256", 32),
        (ec.SECP384R1(), "P-384", 48),
        (ec.SECP521R1(), "P-521", 66),
        (ec.SECP256K1(), "secp256k1", 32),
    ],
)
def test_elliptic_coordinates_keep_their_leading_zeros(curve: ec.EllipticCurve, crv: str, size: int) -> None:
    """Every coordinate has the full size of the field, whatever its value (RFC 7518, section 6.2.1.2)."""
    key = ec.derive_private_key(1, curve)
    public, private = public_members(key, "ES256"), private_members(key)
    assert (public["kty"], public["crv"]) == ("EC", crv)
    assert [len(octets(each)) for each in (public["x"], public["y"], private["d"])] == [size] * 3
    assert number(private["d"]) == 1
    numbers = ec.EllipticCurvePublicNumbers(number(public["x"]), number(public["y"]), curve)
    assert numbers.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("kind", "crv"), [(ed25519.Ed25519PrivateKey, "Ed25519"), (ed448.Ed448PrivateKey, "Ed448")]
)
def test_edwards_keys_are_octets(
    kind: type[ed25519.Ed25519PrivateKey] | type[ed448.Ed448PrivateKey], crv: str
) -> None:
    """An Edwards key pair is x and d (RFC 8037, section 2)."""
    key = kind.generate()
    assert public_members(key, "EdDSA") == {"kty": "OKP", "crv": crv, "x": public_members(key, "x")["x"]}
    assert kind.from_private_bytes(octets(private_members(key)["d"])).public_key() == key.public_key()


def test_ml_dsa_keys_say_their_algorithm() -> None:
    """An AKP key has no meaning without alg, and its private part is the seed (RFC 9964)."""
    key = mldsa.MLDSA44PrivateKey.generate()
    public = public_members(key, "ML-DSA-44")
    assert (public["kty"], public["alg"]) == ("AKP", "ML-DSA-44")
    assert octets(public["pub"]) == key.public_key().public_bytes_raw()
    assert len(octets(private_members(key)["priv"])) == 32

"""How a key is written as a JWK: its public members, and the private ones that must not be published."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

from rightkey.jose.base64url import encode

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
"""Every kind of key a local issuer can hold."""

CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}
"""The JOSE names of the curves (RFC 7518, section 6.2.1.1; RFC 8812, section 3.1)."""


def public_members(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    """The members that say what the public key is, `kty` first.

    `algorithm` matters for ML-DSA only, whose keys must state it (RFC 9964, section 3).
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa_public(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _ec_public(key)
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return _okp_public(key)
    return {"kty": "AKP", "alg": algorithm, "pub": encode(key.public_key().public_bytes_raw())}


def private_members(key: PrivateKey) -> dict[str, Any]:
    """The private members (RFC 7518, section 6; RFC 8037; RFC 9964)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa_private(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"d": encode(key.private_numbers().private_value.to_bytes(coordinate_size(key)))}
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return {"d": encode(key.private_bytes_raw())}
    return {"priv": encode(key.private_bytes_raw())}


def coordinate_size(key: ec.EllipticCurvePrivateKey) -> int:
    """Octets in one coordinate, and in each half of a signature: 66 for P-521, not 65."""
    return (key.key_size + 7) // 8


def _rsa_public(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def _rsa_private(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    own = key.private_numbers()
    members = {"d": own.d, "p": own.p, "q": own.q, "dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp}
    return {name: _number(value) for name, value in members.items()}


def _ec_public(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    numbers, size = key.public_key().public_numbers(), coordinate_size(key)
    return {
        "kty": "EC",
        "crv": CURVES[key.curve.name],
        "x": encode(numbers.x.to_bytes(size)),
        "y": encode(numbers.y.to_bytes(size)),
    }


def _okp_public(key: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) -> dict[str, Any]:
    curve = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "Ed448"
    return {"kty": "OKP", "crv": curve, "x": encode(key.public_key().public_bytes_raw())}


def _number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8))

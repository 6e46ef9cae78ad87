"""The numbers of a key: what a JWK writes down, what `cryptography` verifies with, and the way between them.

Each kind of key has one entry in each table; RFC 7518, section 6, RFC 8037 and RFC 9964 name the members.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rightkey.jose import base64url, weak
from rightkey.jose.algorithms import AKP_KEYS, CURVES, OKP_KEYS
from rightkey.jose.skipped import UnusableKey

RSA_BITS = range(2048, 8193)
RSA_EXPONENTS = range(3, 2**32, 2)


def public_key(jwk: Mapping[str, Any], certified: Any = None) -> Any:
    """The key of a JWK's numbers, or where it has none, of its certificate. Raises UnusableKey.

    Args:
        jwk: a member of known `kty`.
        certified: the key of its certificate, if it has one.
    """
    kty = jwk["kty"]
    wanted = _NUMBERS[kty]
    if certified is not None and not any(name in jwk for name in wanted):
        return _of_type(certified, kty)
    absent = [name for name in wanted if name not in jwk]
    if absent:
        raise UnusableKey("no_public_key", f"{' and '.join(absent)} missing")
    try:
        return _BUILD[kty](jwk)
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        raise UnusableKey("malformed", "the numbers make no key") from None


def numbers(public_key: Any) -> dict[str, str]:
    """The members that RFC 7638 hashes, in their one spelling. Raises UnusableKey: another type or curve."""
    if isinstance(public_key, rsa.RSAPublicKey):
        rsa_numbers = public_key.public_numbers()
        return {"kty": "RSA", "n": _integer(rsa_numbers.n), "e": _integer(rsa_numbers.e)}
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.name in _EC_CURVES:
        crv, size = _EC_CURVES[public_key.curve.name]
        point = public_key.public_numbers()
        return {"kty": "EC", "crv": crv, "x": _integer(point.x, size), "y": _integer(point.y, size)}
    for kty, name, x, classes in (("OKP", "crv", "x", OKP_KEYS), ("AKP", "alg", "pub", AKP_KEYS)):
        for value, class_ in classes.items():
            if isinstance(public_key, class_):
                return {"kty": kty, name: value, x: base64url.encode(public_key.public_bytes_raw())}
    raise UnusableKey("unknown_kty", "a key of its type or curve does not sign tokens")


def thumbprint(numbers: Mapping[str, str]) -> str:
    """The base64url spelling of RFC 7638's thumbprint with SHA-256."""
    import hashlib  # slow to load: it is with the first key

    canonical = json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode("ascii")
    return base64url.encode(hashlib.sha256(canonical).digest())


def of_der(der: bytes, *, private: bool) -> Any:
    """The public key in DER, or of a private key its public half. Raises UnusableKey."""
    from cryptography.hazmat.primitives import serialization  # slow to load, seldom used

    try:
        if private:
            return serialization.load_der_private_key(der, None).public_key()
        return serialization.load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        raise UnusableKey("malformed", "its DER cannot be read as a key, or is encrypted") from None


def _of_type(certified: Any, kty: str) -> Any:
    found = numbers(certified)
    if found["kty"] != kty:
        raise UnusableKey("malformed", f"the certificate's key is not of type {kty}")
    return _BUILD[kty](found)


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(base64url.decode_published(jwk[name])) for name in ("n", "e"))
    if modulus.bit_length() not in RSA_BITS:
        raise UnusableKey("weak", f"RSA of {modulus.bit_length()} bits, not 2048 to 8192")
    if modulus % 2 == 0:
        raise UnusableKey("malformed", "the RSA modulus is even: no two primes make it")
    if exponent not in RSA_EXPONENTS:
        raise UnusableKey("weak", "the RSA exponent is even, under 3 or over 32 bits")
    weak.require_sound_modulus(modulus, exponent)
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    curve = CURVES.get(jwk["crv"])
    if curve is None:
        raise UnusableKey("unknown_curve")
    x, y = (_coordinate(jwk[name], curve[1]) for name in ("x", "y"))
    point = ec.EllipticCurvePublicNumbers(x, y, curve[0])
    key = point.public_key()
    # OpenSSL takes x + p for x. A field element is below p (SEC 1, section 2.3.5): else one key has many
    # spellings, and the base point one that is not known as such.
    if key.public_numbers() != point:
        raise UnusableKey("malformed", "a coordinate is not below its curve's prime")
    weak.require_sound_coordinate(jwk["crv"], x)
    return key


def _coordinate(text: str, size: int) -> int:
    """RFC 7518, section 6.2.1.2 wants as many octets as the curve has. In real documents leading zeros
    are left out, and one is there too many, as ASN.1 writes an integer; more is another number's spelling.
    """
    octets = base64url.decode_published(text)
    if len(octets) > size + 1:
        raise UnusableKey("malformed", "a coordinate is longer than its curve's")
    return int.from_bytes(octets)


def _okp(jwk: Mapping[str, Any]) -> Any:
    if jwk["crv"] not in OKP_KEYS:
        raise UnusableKey("unknown_curve")
    point = base64url.decode_published(jwk["x"])
    weak.require_sound_point(jwk["crv"], point)
    return OKP_KEYS[jwk["crv"]].from_public_bytes(point)


def _akp(jwk: Mapping[str, Any]) -> Any:
    if jwk["alg"] not in AKP_KEYS:
        raise UnusableKey("unusable_alg")
    pub = base64url.decode_published(jwk["pub"])
    # It asks for the length, which is all that can be malformed.
    key = AKP_KEYS[jwk["alg"]].from_public_bytes(pub)
    weak.require_sound_matrix(pub)
    return key


_BUILD = {"RSA": _rsa, "EC": _ec, "OKP": _okp, "AKP": _akp}
_NUMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "AKP": ("alg", "pub")}
_EC_CURVES = {curve.name: (crv, size) for crv, (curve, size) in CURVES.items()}


def _integer(number: int, size: int | None = None) -> str:
    return base64url.encode(number.to_bytes(size or (number.bit_length() + 7) // 8))

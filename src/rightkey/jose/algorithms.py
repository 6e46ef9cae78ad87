"""The one table of signature algorithms: what each needs of a key, and how a signature is checked.

Sources: RFC 7518 section 3 (RS, PS, ES), RFC 8812 (ES256K), RFC 8037 (EdDSA), RFC 9864 (Ed25519, Ed448),
RFC 9964 (ML-DSA). HMAC is not here and never will be: anyone who can check a MAC can make one. Nor is `none`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Check: TypeAlias = Callable[[bytes, bytes], None]
"""Called with (signature, signed octets); returns, or raises InvalidSignature."""


class Algorithm(NamedTuple):
    """One value of `alg`. `curves` is empty where the key type has none; `bind` makes a key's check."""

    name: str
    kty: str
    bind: Callable[[Any], Check]
    curves: tuple[str, ...] = ()
    hash_name: str | None = None
    """The hash that `at_hash` is made with (OpenID Connect Core 1.0, section 3.1.3.6)."""


CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
"""Curve name -> the curve, and the length of a coordinate in bytes (RFC 7518, section 6.2.1; RFC 8812)."""

OKP_KEYS: dict[str, Any] = {"Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey}
"""Curve name -> the class of its public keys (RFC 8037, section 2). X25519 and X448 do not sign."""

AKP_KEYS: dict[str, Any] = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
}
"""A key's `alg` -> the class of its public keys (RFC 9964, section 3)."""


def _rsa(name: str, hash_: hashes.HashAlgorithm) -> Algorithm:
    pss = padding.PSS(padding.MGF1(hash_), hash_.digest_size)  # RFC 7518, section 3.5: the salt is hash-long
    pad: Any = pss if name.startswith("PS") else padding.PKCS1v15()

    def bind(key: rsa.RSAPublicKey) -> Check:
        verify, size = key.verify, (key.key_size + 7) // 8

        def check(signature: bytes, data: bytes) -> None:
            # RFC 8017, sections 8.1.2 and 8.2.2, step 1. OpenSSL takes a PSS signature without its leading
            # zeros for the same number, and so one token in 256 would have a second spelling.
            if len(signature) != size:
                raise InvalidSignature
            verify(signature, data, pad, hash_)

        return check

    return Algorithm(name, "RSA", bind, hash_name=hash_.name)


def _ecdsa(name: str, curve: str, hash_: hashes.HashAlgorithm) -> Algorithm:
    size = CURVES[curve][1]

    def bind(key: ec.EllipticCurvePublicKey) -> Check:
        scheme = ec.ECDSA(hash_)  # at the first key: it loads a tenth of what importing rightkey takes

        def check(signature: bytes, data: bytes) -> None:
            key.verify(der(signature, size), data, scheme)

        return check

    return Algorithm(name, "EC", bind, curves=(curve,), hash_name=hash_.name)


def der(signature: bytes, size: int) -> bytes:
    """An ECDSA signature as libraries take it: JOSE has r and s, each as long as a coordinate (RFC 7518,
    section 3.4). Raises InvalidSignature: it is longer or shorter than that.
    """
    if len(signature) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def _pure(name: str, kty: str, *curves: str, hash_name: str | None = None) -> Algorithm:
    """One that hashes by itself: the key's own `verify` is the check."""
    return Algorithm(name, kty, lambda key: key.verify, curves, hash_name)


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        _rsa("RS256", hashes.SHA256()),
        _rsa("RS384", hashes.SHA384()),
        _rsa("RS512", hashes.SHA512()),
        _rsa("PS256", hashes.SHA256()),
        _rsa("PS384", hashes.SHA384()),
        _rsa("PS512", hashes.SHA512()),
        _ecdsa("ES256", "P-256", hashes.SHA256()),
        _ecdsa("ES384", "P-384", hashes.SHA384()),
        _ecdsa("ES512", "P-521", hashes.SHA512()),
        _ecdsa("ES256K", "secp256k1", hashes.SHA256()),
        _pure("EdDSA", "OKP", "Ed25519", "Ed448", hash_name="sha512"),
        _pure("Ed25519", "OKP", "Ed25519", hash_name="sha512"),
        _pure("Ed448", "OKP", "Ed448"),
        _pure("ML-DSA-44", "AKP"),
        _pure("ML-DSA-65", "AKP"),
        _pure("ML-DSA-87", "AKP"),
    )
}

SAFE: frozenset[str] = frozenset(ALGORITHMS) - {"ES256K"}
"""What is allowed by default: all of the table but ES256K, whose curve is for ledgers, not for tokens."""


def accepts(algorithm: Algorithm, kty: str, crv: str | None, alg: str | None) -> bool:
    """Whether a key of this type, curve and `alg` may check this algorithm's signatures.

    Where a key names an `alg`, it is that one and no other (RFC 8725, section 3.1). RFC 9864 gave EdDSA
    two exact names for what it always meant, so that a key named one way serves a header named the other.
    """
    if algorithm.kty != kty or (algorithm.curves and crv not in algorithm.curves):
        return False
    return alg is None or alg == algorithm.name or (kty == "OKP" and {alg, algorithm.name} <= {"EdDSA", crv})

"""How a JWS is signed (RFC 7518, section 3), and with which private key of PEM.

Nothing here judges a token: a service signs only what it authenticates with, and the local issuer its tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rightkey.jose import base64url

Sign = Callable[[Any, bytes], bytes]
"""Signs octets with a private key."""
MIN_BITS = 2048
"""Bits of an RSA key that signs, at least (RFC 7518, section 3.3)."""


def _rs(digest: hashes.HashAlgorithm) -> Sign:
    return lambda key, data: key.sign(data, padding.PKCS1v15(), digest)


def _ps(digest: hashes.HashAlgorithm) -> Sign:
    pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
    return lambda key, data: key.sign(data, pss, digest)


def _es(digest: hashes.HashAlgorithm, key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """r and s side by side, not DER (section 3.4): 66 octets each for P-521, not 65."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size) + s.to_bytes(size)


def _pure(key: Any, data: bytes) -> bytes:
    signature: bytes = key.sign(data)
    return signature


SIGN: dict[str, Sign] = {
    "RS256": _rs(hashes.SHA256()),
    "RS384": _rs(hashes.SHA384()),
    "RS512": _rs(hashes.SHA512()),
    "PS256": _ps(hashes.SHA256()),
    "PS384": _ps(hashes.SHA384()),
    "PS512": _ps(hashes.SHA512()),
    "ES256": partial(_es, hashes.SHA256()),
    "ES384": partial(_es, hashes.SHA384()),
    "ES512": partial(_es, hashes.SHA512()),
    "ES256K": partial(_es, hashes.SHA256()),
    "EdDSA": _pure,
    "Ed25519": _pure,
    "Ed448": _pure,
    "ML-DSA-44": _pure,
    "ML-DSA-65": _pure,
    "ML-DSA-87": _pure,
}
"""How each `alg` signs."""
_OF_CURVES = {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}
_OF_RSA = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs by one algorithm. Its `repr` shows nothing private."""

    alg: str
    private: Any = field(repr=False)

    @classmethod
    def of(cls, pem: bytes, alg: str | None = None) -> Self:
        """The key in a PEM, without a password.

        Args:
            alg: what it signs by; None for the first that fits: `RS256` for RSA, `EdDSA` for Ed25519.

        Raises:
            ValueError: no such key is in it, or it cannot sign by that; nothing of it is quoted.
        """
        try:
            private = load_pem_private_key(pem, None)
        except Exception:  # noqa: BLE001 - cryptography raises its own and others', and may quote
            private = None
        fitting = _algorithms_of(private)
        if not fitting:
            raise ValueError("it holds no private key in PEM that can sign, without a password")
        if alg is not None and alg not in fitting:
            raise ValueError(f"its key signs by {', '.join(fitting)} alone")
        return cls(alg or fitting[0], private)

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
        """A JWS in compact form, of these claims, with this header and `alg`."""
        parts = ({"alg": self.alg} | dict(header), dict(claims))
        signed = ".".join(base64url.encode(orjson.dumps(part)) for part in parts)
        return f"{signed}.{base64url.encode(SIGN[self.alg](self.private, signed.encode('ascii')))}"


def _algorithms_of(private: Any) -> tuple[str, ...]:
    """Those by which a key may sign; none where it is no such key, or too short."""
    if isinstance(private, rsa.RSAPrivateKey):
        return _OF_RSA if private.key_size >= MIN_BITS else ()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return _OF_CURVES.get(private.curve.name, ())
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return ("EdDSA", "Ed25519")
    return ("EdDSA", "Ed448") if isinstance(private, ed448.Ed448PrivateKey) else ()

"""Keys of simulated issuers, and tokens by them, honest and forged."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = 1_800_000_000
"""The time of day at which every history begins, as a Unix time in seconds."""
NEVER = NOW + 10_000_000
AUDIENCE = "api"


def encode(octets: bytes, *, padded: bool = False) -> str:
    text = base64.urlsafe_b64encode(octets).decode()
    return text if padded else text.rstrip("=")


class Signer:
    """One signing key of an issuer."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = Ed25519PrivateKey.generate()
        x = encode(self.private.public_key().public_bytes_raw())
        self.public = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}
        self.published_at = float("inf")
        """Since when it stands in the key set without a break."""
        self.gone_at = float("-inf")

    @property
    def leaked(self) -> dict[str, str]:
        """As an issuer publishes it that has made the mistake."""
        return {**self.public, "d": encode(self.private.private_bytes_raw())}

    def token(self, issuer: str) -> str:
        """An honest one."""
        head = _head({"alg": "EdDSA", "kid": self.kid}, issuer)
        return f"{head}.{encode(self.private.sign(head.encode()))}"


class Balancer:
    """A signing key of a load balancer, which publishes it at a URL of its own."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.published_at = float("inf")
        self.gone_at = float("-inf")

    def token(self, issuer: str) -> str:
        head = _padded(self.kid, issuer)
        r, s = decode_dss_signature(self.private.sign(head.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{head}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'), padded=True)}"


def forged(issuer: str, kid: str, salt: int) -> str:
    """A token of this issuer under this key id by none of its keys."""
    if issuer.startswith("arn:"):
        return f"{_padded(kid, issuer)}.{encode(salt.to_bytes(4, 'big') * 16, padded=True)}"
    return f"{_head({'alg': 'EdDSA', 'kid': kid}, issuer)}.{encode(salt.to_bytes(4, 'big') * 16)}"


def _head(header: dict[str, Any], issuer: str) -> str:
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "alice", "exp": NEVER}
    return ".".join(encode(json.dumps(one).encode()) for one in (header, claims))


def _padded(kid: str, signer: str) -> str:
    header = {"alg": "ES256", "kid": kid, "signer": signer, "iss": "https://idp.example", "client": AUDIENCE}
    parts = (header | {"exp": NEVER}, {"sub": "alice"})
    return ".".join(encode(json.dumps(one).encode(), padded=True) for one in parts)

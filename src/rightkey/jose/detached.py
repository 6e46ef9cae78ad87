"""Detached signatures of octets by one Ed25519 key (RFC 8032), for what processes of one owner share."""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

LENGTH = 64
"""Octets of a signature."""


class Signer(Protocol):
    """Signs octets."""

    def __call__(self, octets: bytes, /) -> bytes: ...


class Check(Protocol):
    """Whether a signature is that of these octets."""

    def __call__(self, signature: bytes, octets: bytes, /) -> bool: ...


def read_pem(pem: bytes) -> tuple[Check, Signer | None] | None:
    """How to check signatures by the key in this PEM, and how to make them where it is the private half.

    Returns:
        None where it holds no Ed25519 key, or one under a password. Nothing is quoted of it.
    """
    private = b"PRIVATE KEY" in pem
    try:
        key = load_pem_private_key(pem, None) if private else load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, Ed25519PrivateKey):
        return _check(key.public_key()), key.sign
    return (_check(key), None) if isinstance(key, Ed25519PublicKey) else None


def _check(key: Ed25519PublicKey) -> Check:
    def check(signature: bytes, octets: bytes, /) -> bool:
        try:
            key.verify(signature, octets)
        except InvalidSignature:
            return False
        return True

    return check

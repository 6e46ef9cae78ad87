"""Nonces that a service gives to its clients, and remembers none of (RFC 9449, sections 8 and 9).

A nonce is the second in which it was given, and a MAC of that by a secret that all workers of a service
share. A client without a good one is given another, and sends its request again.
"""

from __future__ import annotations

import hmac

from rightkey.jose import base64url

NONCE_LIFE = 120
"""Seconds for which a nonce of DPoP is good."""
MIN_SECRET = 32
"""Bytes of the secret of nonces, at least."""
_PURPOSE, _STAMP, _MAC = b"rightkey DPoP nonce ", 5, 16


def nonce_at(secret: bytes, now: float) -> str:
    """The nonce that is given at this time."""
    return _nonce(secret, int(now).to_bytes(_STAMP))


def good_until(secret: bytes, nonce: str, now: float) -> float | None:
    """Until when a nonce is good, as a Unix time in seconds; None if it is none, or is good no more."""
    try:
        stamp = base64url.decode(nonce.encode())[:_STAMP]
    except ValueError:
        return None
    until = float(int.from_bytes(stamp) + NONCE_LIFE)
    given = hmac.compare_digest(_nonce(secret, stamp).encode(), nonce.encode())
    return until if given and now < until else None


def _nonce(secret: bytes, stamp: bytes) -> str:
    return base64url.encode(stamp + hmac.digest(secret, _PURPOSE + stamp, "sha256")[:_MAC])

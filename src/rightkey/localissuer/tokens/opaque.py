"""Opaque tokens: random texts, whose claims only introspection tells. Their digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rightkey.localissuer.state import Shelf

OPAQUE = "opaque"


def issued(shelf: Shelf, claims: dict[str, Any]) -> str:
    """A new token with these claims."""
    token = f"opaque_{secrets.token_urlsafe(32)}"
    shelf.put(OPAQUE, digest(token), claims)
    return token


def digest(token: str) -> str:
    """By what a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

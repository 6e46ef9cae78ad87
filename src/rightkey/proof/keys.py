"""Clients' keys as they were read, so that a key costs its reading once and not with each proof.

Only what a good proof has vouched for is kept: by the thumbprint that its token is bound to, so that a client
has one place, however many headers it makes up. It follows from the header's text and the settings alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightkey.jose.algorithms import Check
from rightkey.jose.key import Key
from rightkey.verdict.recent import Recent

MAX_KEYS = 1024
"""Clients' keys that are remembered as read, with the headers of their proofs."""


@dataclass(frozen=True, slots=True)
class Known:
    """A client's key, and the header under which the client signs."""

    segment: bytes
    """The header, as its proofs spell it."""
    key: Key
    check: Check
    """The key's, for the algorithm of the header."""


class Keys(Recent[Known]):
    """The keys, by thumbprint."""

    def __init__(self, most: int = MAX_KEYS) -> None:
        super().__init__(most)

"""Clients' keys as they were read, so that a key costs its reading once and not with each proof.

Only what a good proof has vouched for is kept: by the thumbprint that its token is bound to, so that a client
has one place, however many headers it makes up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rightkey.jose.jws import Header, Unverified
from rightkey.jose.key import Key
from rightkey.verdict.recent import Recent

MAX_KEYS = 1024
"""Clients' keys that are remembered as read, with the headers of their proofs."""


class Known(NamedTuple):
    """A client's key, and by its spelling the header under which the client signs."""

    key: Key
    headers: Mapping[bytes, Header]


class Keys(Recent[Known]):
    """The keys, by thumbprint."""

    def __init__(self, most: int = MAX_KEYS) -> None:
        super().__init__(most)

    def keep(self, jkt: str, proof: Unverified, key: Key) -> None:
        """Remember the key of a proof that was good."""
        self.put(jkt, Known(key, {proof.segment: proof.header}))

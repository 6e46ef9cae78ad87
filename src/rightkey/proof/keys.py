"""Clients' keys as they were read, so that a key costs its reading once and not with each proof.

Only what a good proof has vouched for is kept: by the thumbprint that its token is bound to, so that a client
has one place, however many headers it makes up. There are two generations, and what is in use moves to the
younger one: other clients' keys, however many come, cannot push out one that half as many come beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rightkey.jose.jws import Header, Unverified
from rightkey.jose.key import Key

MAX_KEYS = 1024
"""Clients' keys that are remembered as read, with the headers of their proofs."""


class Known(NamedTuple):
    """A client's key, and by its spelling the header under which the client signs."""

    key: Key
    headers: Mapping[bytes, Header]


class Keys:
    """The keys, by thumbprint."""

    def __init__(self, most: int = MAX_KEYS) -> None:
        self._half = max(1, most // 2)
        self._young: dict[str, Known] = {}
        self._old: dict[str, Known] = {}

    def get(self, jkt: str) -> Known | None:
        """The key that is remembered for a thumbprint."""
        known = self._young.get(jkt)
        if known is None and (known := self._old.get(jkt)) is not None:
            self._put(jkt, known)
        return known

    def keep(self, jkt: str, proof: Unverified, key: Key) -> None:
        """Remember the key of a proof that was good."""
        self._put(jkt, Known(key, {proof.segment: proof.header}))

    def _put(self, jkt: str, known: Known) -> None:
        if len(self._young) >= self._half and jkt not in self._young:
            self._young, self._old = {}, self._young
        self._young[jkt] = known

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

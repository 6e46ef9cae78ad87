"""Which proofs were used: each passes once (RFC 9449, section 11.1)."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractContextManager
from hashlib import sha256
from heapq import heappop, heappush
from math import inf
from typing import Protocol, TypeAlias

MAX_USED = 65_536
"""Used proofs that a process remembers, in 12 MiB. Where there are more, proofs as old as forgotten ones are
refused: at 2,000 a second those over half a minute old. None is accepted twice."""


Used: TypeAlias = tuple[bytes, float]
"""What is remembered of a proof: a mark of its key and its `jti`, and until when it could pass again, a Unix
time in seconds."""


def used(jkt: str, jti: str, until: float) -> Used:
    """What is remembered of a proof. The key is a part of it: a client cannot use up another's."""
    return sha256(f"{jkt}.{jti}".encode()).digest(), until


def used_token(profile: str, issuer: str, jti: str, until: float) -> Used:
    """What is remembered of a token that counts once, such as a logout token. No proof has the same mark."""
    mark = sha256(f"{profile}.{len(issuer)}.{issuer}{jti}".encode("utf-8", "surrogatepass"))
    return mark.digest(), until


class Seen(Protocol):
    """What remembers used proofs, for `DPoP(seen=)`. An AsyncVerifier takes an awaitable, too."""

    def first(self, mark: bytes, until: float, /) -> bool | Awaitable[bool]:
        """Whether this mark is seen for the first time; it is remembered from now on, `until` this time.

        Two callers at once are not both the first. Whatever it raises refuses the request with 503.
        """


class Replays:
    """The marks in one process, in bounds.

    Where there is no room, the proof is forgotten that ends soonest; from then on none passes that ends
    sooner, or as soon and comes before it in the order of marks. So the window shrinks, and no proof passes
    twice: only one is refused that so many newer ones are remembered for. There is no clock in it: what has
    ended makes room like this, and is missed by no proof that is still in its window.

    Args:
        guard: held for each decision.
        most: marks that are remembered.
    """

    def __init__(self, guard: AbstractContextManager[object], most: int = MAX_USED) -> None:
        self._guard, self._most = guard, most
        self._marks: set[bytes] = set()
        self._ends: list[tuple[float, bytes]] = []
        self._forgotten = (-inf, b"")

    def first(self, mark: bytes, until: float) -> bool:
        """Whether this mark is seen for the first time; see `Seen`."""
        with self._guard:
            end = until, mark
            if end <= self._forgotten or mark in self._marks:
                return False
            self._marks.add(mark)
            heappush(self._ends, end)
            if len(self._ends) > self._most:
                self._forgotten = heappop(self._ends)
                self._marks.discard(self._forgotten[1])
            return True

    def __len__(self) -> int:
        return len(self._ends)

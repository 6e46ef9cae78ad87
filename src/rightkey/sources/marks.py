"""Marks: used proofs in a store, so that each passes once in all processes that share it (RFC 9449, section
11.1)."""

from __future__ import annotations

import time
from collections.abc import Callable

from rightkey.sources.aside import aside

MAX_LIFE = 7200.0
"""Seconds for which a used proof is kept, at most; by no setting can one pass for so long."""
BEHIND = 60.0
"""Seconds by which another host's clock may be behind: to it a proof is good for so much longer."""
MAX_WAIT = 2.0
"""Seconds that a task waits to be told whether a proof was used, at most."""


class Marks:
    """A `Seen` in a store.

    Args:
        first: asks the store, with a mark and the seconds for which it is kept.
        clock: by which proofs are judged.
    """

    def __init__(self, first: Callable[[bytes, float], bool], clock: Callable[[], float] | None) -> None:
        self._first, self._clock = first, clock

    def first(self, mark: bytes, until: float) -> bool:
        """Whether this mark is seen for the first time. Raises StoreFailed."""
        now = time.time() if self._clock is None else self._clock()
        return self._first(mark, min(max(0.0, until - now), MAX_LIFE) + BEHIND)

    async def first_async(self, mark: bytes, until: float) -> bool:
        """The same in tasks, without blocking the event loop. Raises TimeoutError, too."""
        return await aside(lambda: self.first(mark, until), MAX_WAIT)

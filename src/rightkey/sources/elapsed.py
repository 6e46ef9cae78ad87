"""Elapsed: seconds that never go back, for freshness, budgets and backoff.

Four clocks are in use, and each answers one question:

    clock      wall time, in Unix seconds   Is this token or certificate valid now? Jumps when it is set.
    elapsed    seconds since some start     How old is a key set, when may the issuer be asked again? Never
                                            goes back, and counts a suspend: the larger of what the wall
                                            clock and the monotonic clock say has passed.
    COUNT      a count of the process       Did this request begin after that token came? Two readings differ
                                            always; two readings of a clock may be equal.
    monotonic  real seconds                 How long does a caller wait, when is a job given up? Threads and
                                            event loops wait by it.

`clock` and `elapsed` are passed in, so a test can move them. COUNT and the monotonic clock are not.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rightkey.freshness.refresh import Elapsed

COUNT = itertools.count(1)
"""One count for the process. A reading of it is a moment: those of several sources can be told apart."""


def system_elapsed(
    wall: Callable[[], float] | None = None, monotonic: Callable[[], float] | None = None
) -> Elapsed:
    """Seconds passed by the system's clocks: by the one of the two that says more.

    The monotonic clock stands still while a machine sleeps, the wall clock jumps when it is set; keys must
    not outlive their life through either.

    Args:
        wall: by default `time.time`, looked up at each call: a test may replace it.
        monotonic: by default `time.monotonic`, likewise.
    """
    base, latest = ((wall or time.time)(), (monotonic or time.monotonic)(), 0.0), 0.0

    def elapsed() -> float:
        nonlocal base, latest
        wall_zero, monotonic_zero, since = base
        by_wall = (time.time() if wall is None else wall()) - wall_zero
        by_monotonic = (time.monotonic() if monotonic is None else monotonic()) - monotonic_zero
        now = by_wall if by_wall > by_monotonic else by_monotonic  # max() takes twice the time, at every call
        # A wall clock that was set forward and back again within a second must not take us back.
        if now > latest:
            latest = now
        elif now < latest - 1.0:  # both went back, which only a test can make them do: count on from here
            now, since = latest, -math.inf
        # Where each clock counts from moves about once a second, as one reference, so that no lock is needed:
        # of two threads that move it at once either is right. Moved at each call, their noise would add up.
        if now - since >= 1.0 or by_wall < since:
            base = (wall_zero + by_wall - now, monotonic_zero + by_monotonic - now, now)
        return latest

    return elapsed


SYSTEM = system_elapsed()

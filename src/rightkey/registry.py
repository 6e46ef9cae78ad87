"""The registry: what one process shares, so that a verifier built for each request still caches.

Shared is what was fetched, and the budget to fetch; what is made of it is each verifier's own. The key is
where the keys come from, the transport, the freshness and the clock of elapsed seconds: never a key id.
"""

from __future__ import annotations

import time
import weakref
from collections import OrderedDict
from collections.abc import Hashable

from rightkey.exchange import Transport
from rightkey.freshness import Freshness
from rightkey.jobs import GUARD
from rightkey.refresh import Elapsed, Place
from rightkey.sources.remote import Remote

MAX_IDLE = 256
"""Entries that no verifier uses any more: so many are kept, the least recently used go first."""


class SystemElapsed:
    """Seconds passed by the system's clocks: by whichever of the two says more.

    The monotonic clock stands still while a machine sleeps, the wall clock jumps when it is set; keys must
    not outlive their life through either.
    """

    def __init__(self) -> None:
        self._base = (time.time(), time.monotonic(), 0.0)

    def __call__(self) -> float:
        wall, monotonic = time.time(), time.monotonic()
        was_wall, was_monotonic, total = self._base
        passed = max(wall - was_wall, monotonic - was_monotonic)
        # The base moves about once a second, as one reference, so that no lock is needed: of two threads
        # that move it at once either is right. Moved at each call, the two clocks' noise would add up.
        if passed >= 1.0 or wall < was_wall:
            self._base = (wall, monotonic, total + passed)
        return total + passed


SYSTEM = SystemElapsed()


class Registry:
    """Entries of live verifiers are pinned by them; of the others the latest are kept.

    An entry that was let go and comes back has a new budget; so that nobody gains by it, entries with a
    verifier are never let go, and verifiers are built by the service's owner, not by a token.
    """

    def __init__(self, most: int = MAX_IDLE) -> None:
        self._most = most
        self._live: weakref.WeakValueDictionary[Hashable, Remote] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[Hashable, Remote] = OrderedDict()

    def remote(
        self, place: Place, transport: Transport, freshness: Freshness, elapsed: Elapsed | None
    ) -> Remote:
        """The entry for these, made where there is none."""
        clock = elapsed or SYSTEM
        key = (place, _identity(transport), freshness, clock)
        with GUARD:
            remote = self._live.get(key) or Remote(place, transport, freshness, clock)
            self._live[key] = remote
            self._recent[key] = remote
            self._recent.move_to_end(key)
            while len(self._recent) > self._most:
                self._recent.popitem(last=False)
        return remote


def _identity(transport: Transport) -> Hashable:
    return transport if isinstance(transport, Hashable) else id(transport)


REGISTRY = Registry()

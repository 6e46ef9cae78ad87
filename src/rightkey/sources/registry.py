"""The registry: what one process shares, so that a verifier built for each request still caches.

Shared is what was fetched, and the budget to fetch; what is made of it is each verifier's own. The key is
where the keys come from, the transport, the freshness and the clock of elapsed seconds: never a key id.
"""

from __future__ import annotations

import os
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from rightkey.exchange import Transport
from rightkey.freshness.refresh import Elapsed, Place
from rightkey.freshness.settings import Freshness
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.jobs import GUARD
from rightkey.sources.remote import Remote

MAX_IDLE = 256
"""Entries that no verifier uses any more: so many are kept, the least recently used go first."""
LOOKED_AT = 8
"""Entries that are looked at, when there is one too many, for one that may go."""


class Registry:
    """Entries of live verifiers are pinned by them; of the others the latest are kept.

    An entry that was let go and comes back has a new budget; so that nobody gains by it, none is let go
    whose budget is not full, that backs off, or that knows of a leaked key.
    """

    def __init__(self, most: int = MAX_IDLE) -> None:
        self._most = most
        self._live: weakref.WeakValueDictionary[Hashable, Remote] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[Hashable, Remote] = OrderedDict()
        self._distrusted: dict[Place, set[str]] = {}

    def remote(
        self, place: Place, transport: Transport, freshness: Freshness, elapsed: Elapsed | None
    ) -> Remote:
        """The entry for these, made where there is none."""
        clock = elapsed or SYSTEM
        key = (place, _identity(transport), freshness, _identity(clock))
        with GUARD:
            remote = self._live.get(key)
            if remote is None:
                distrusted = self._distrusted.get(place, ())
                remote = self._live[key] = Remote(place, transport, freshness, clock, distrusted)
            self._recent[key] = remote
            self._recent.move_to_end(key)
            if len(self._recent) > self._most:
                self._let_go()
        return remote

    def distrust(self, place: Place, name: str) -> None:
        """Refuse the keys of a place with this key id or thumbprint, in every entry there is or will be."""
        with GUARD:
            self._distrusted.setdefault(place, set()).add(name)
            remotes = [remote for remote in self._live.values() if remote.place == place]
        for remote in remotes:
            remote.distrust(name)

    def spread(self) -> None:
        """Have every entry refreshed at a moment of its own. Called in a forked child."""
        for remote in list(self._live.values()):
            remote.spread()

    def _let_go(self) -> None:
        """Let the oldest go that may be; the latest stays. One that may not goes to the end of the row, and a
        few are looked at each time: thousands of them are no reason to walk through them all.
        """
        for _ in range(min(LOOKED_AT, len(self._recent) - 1)):
            key, remote = next(iter(self._recent.items()))
            if remote.may_be_forgotten():
                del self._recent[key]
            else:
                self._recent.move_to_end(key)
            if len(self._recent) <= self._most:
                return


def _identity(thing: Any) -> Hashable:
    try:
        hash(thing)
    except TypeError:  # its entry holds it, so that no other can have its id
        return id(thing)
    return thing  # type: ignore[no-any-return]


REGISTRY = Registry()

if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    # after what jobs.py does there, since it is loaded before
    os.register_at_fork(after_in_child=REGISTRY.spread)

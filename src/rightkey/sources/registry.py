"""The registry: what one process shares, so that a verifier built for each request still caches.

Shared are the sources of fetched keys, by the place, the transport, the freshness and the clock of elapsed
seconds, never by a key id; what is refused of an issuer, by its identity; and the budgets, of issuers and of
places. What is made of it, a trust and its verdicts, is each verifier's own.
"""

from __future__ import annotations

import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from rightkey.freshness.budget import Draws
from rightkey.freshness.record import Record
from rightkey.freshness.refresh import Place
from rightkey.freshness.status import Status
from rightkey.issuer.name import identity_of
from rightkey.sources.by_kid import ByKid
from rightkey.sources.guard import GUARD
from rightkey.sources.remote import Remote
from rightkey.sources.source import Means

MAX_IDLE = 256
"""Sources of keys that are kept though no verifier uses them; the least recently used go first."""
MAX_BUDGETS = 4096
"""Budgets, and records of issuers, that are kept though no source uses them."""
LOOKED_AT = 8
"""Entries that are looked at for one that may go, where there is one too many."""
_Entry = TypeVar("_Entry")


class Shelf(Generic[_Entry]):
    """Entries in use stay as long as they are; of the others the latest are kept.

    An entry that was let go and comes back starts over. So that nothing is gained by that, one stays that has
    something to lose. Call with GUARD held.

    Args:
        most: how many are kept that are not in use.
        may_go: whether one has nothing to lose.
    """

    def __init__(self, most: int, may_go: Callable[[_Entry], bool]) -> None:
        self._most, self._may_go = most, may_go
        self._live: weakref.WeakValueDictionary[Hashable, _Entry] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _Entry]) -> _Entry:
        """The entry, made where there is none."""
        entry = self._live.get(key)
        if entry is None:
            entry = self._live[key] = make()
        self._recent[key] = entry
        self._recent.move_to_end(key)
        if len(self._recent) > self._most:
            self._let_go()
        return entry

    def in_use(self) -> list[_Entry]:
        """All that there are."""
        return list(self._live.values())

    def _let_go(self) -> None:
        """Let the oldest go that may; the latest stays. One that may not goes to the end of the row, and a
        few are looked at each time: thousands of them are no reason to walk through them all.
        """
        for _ in range(min(LOOKED_AT, len(self._recent) - 1)):
            key, entry = next(iter(self._recent.items()))
            if self._may_go(entry):
                del self._recent[key]
            else:
                self._recent.move_to_end(key)
            if len(self._recent) <= self._most:
                return


class Registry:
    """What the verifiers of a process share."""

    def __init__(self, most: int = MAX_IDLE) -> None:
        self._remotes: Shelf[Remote] = Shelf(most, Remote.may_be_forgotten)
        self._by_kid: Shelf[ByKid] = Shelf(most, lambda one: True)
        self._records: Shelf[Record] = Shelf(MAX_BUDGETS, Record.may_be_forgotten)
        self._budgets: Shelf[Draws] = Shelf(MAX_BUDGETS, lambda draws: draws.as_new)

    def remote(self, identity: str, place: Place, means: Means) -> Remote:
        """The source of the keys at a place, for the issuer of this identity."""
        means = replace(means, given=means.transport)  # the default one is made now: it is part of the key
        key = (identity, place, *_settings(means))
        with GUARD:
            record = self._record(identity)
            budget_of = partial(self._budget, means)
            return self._remotes.get(key, lambda: Remote(place, means, record, budget_of))

    def by_kid(self, identity: str, name: str, form: str, means: Means) -> ByKid:
        """The source of the keys of this issuer that are published one by one, each at a URL of this form."""
        means = replace(means, given=means.transport)

        def remote(kid: str) -> Remote:
            return self.remote(identity, Place(name, None, form.replace("{kid}", kid), kid), means)

        def make() -> ByKid:
            return ByKid(name, remote, means, self.budget(means, identity))

        with GUARD:
            return self._by_kid.get((identity, name, form, *_settings(means)), make)

    def refuse(self, identity: str, name: str) -> None:
        """Refuse the keys of an issuer with this key id or thumbprint, whether or not it is in use yet."""
        with GUARD:
            self._record(identity).distrust(name)

    def record(self, identity: str) -> Record:
        """What is refused of an issuer."""
        with GUARD:
            return self._record(identity)

    def budget(self, means: Means, name: str) -> Draws:
        """The budget of an issuer, by its identity, or of a place, by its URL."""
        with GUARD:
            return self._budget(means, name)

    def statuses(self) -> list[Status]:
        """How everything is that is fetched in this process."""
        return [remote.status() for remote in self._remotes.in_use()]

    def spread(self) -> None:
        """Have every entry refreshed at a moment of its own. Called in a forked child."""
        for remote in self._remotes.in_use():
            remote.spread()

    def _record(self, identity: str) -> Record:
        return self._records.get(identity, lambda: Record(identity))

    def _budget(self, means: Means, name: str) -> Draws:
        transport, _, clock, _ = _settings(means)
        return self._budgets.get((identity_of(name), transport, clock), Draws)


def _settings(means: Means) -> tuple[Hashable, Hashable, Hashable, Hashable]:
    return _identity(means.transport), means.freshness, _identity(means.elapsed), means.fleet


def _identity(thing: Any) -> Hashable:
    try:
        hash(thing)
    except TypeError:
        return _Unhashable(thing)
    return thing  # type: ignore[no-any-return]


class _Unhashable:
    """The key of an object that has no hash. It holds it, so that no other object can have its id."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __hash__(self) -> int:
        return id(self._thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashable) and self._thing is other._thing


REGISTRY = Registry()

if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    # after what jobs.py does there, since it is loaded before
    os.register_at_fork(after_in_child=REGISTRY.spread)

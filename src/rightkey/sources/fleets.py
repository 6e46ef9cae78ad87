"""Fleets: what this process takes part in, each store once, and the thread that reads what is distrusted.

Distrust is polled, and not published: what is published while a host is cut off is lost, and what is polled
is late by one poll at most. Once refused by a process, a key is refused for that process's life.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Hashable
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from rightkey.errors import Misconfigured
from rightkey.events import Event
from rightkey.sources.announcer import Announcer
from rightkey.sources.guard import GUARD
from rightkey.sources.registry import REGISTRY
from rightkey.stores.fleet import CHANCE, Fleet
from rightkey.stores.local import DirectoryStore
from rightkey.stores.seal import UNSEALED, Seal, seal_of
from rightkey.stores.store import Denying, Store

if TYPE_CHECKING:
    from rightkey.freshness.status import StoreStatus
    from rightkey.stores.denials import SharedDenials

POLL = (0.4, 0.6)
"""Seconds from one look at what the fleet distrusts to the next, at random between these."""
_FLEETS: dict[tuple[Hashable, bytes], Member] = {}


class Member(Fleet):
    """This process's part in a fleet, with listeners and a thread that polls."""

    def __init__(self, store: Store, seal: Seal) -> None:
        super().__init__(store, seal, self._announce, REGISTRY.refuse)
        self.announcer = Announcer()
        self._thread: threading.Thread | None = None
        self._turn: object = None
        self._denials: SharedDenials | None = None

    def denials(self) -> SharedDenials:
        """The fleet's denylist, which is read from now on. Raises Misconfigured: its store keeps none."""
        from rightkey.stores.denials import SharedDenials
        from rightkey.verdict.denylist import MAX_DENIED, DenialSet

        store: Any = self.store
        if not isinstance(store, Denying):
            raise Misconfigured(
                f"store {store.name} keeps no denylist", hint="it needs the methods deny and denied"
            )
        with GUARD:
            if self._denials is None:
                denied = DenialSet(GUARD, 2 * MAX_DENIED)  # a journal may have more
                self._denials = SharedDenials(self, store, denied)
            return self._denials

    def status(self) -> StoreStatus:
        """How the store is, and the denylist in it."""
        status, denials = super().status(), self._denials
        if denials is None:
            return status
        age = None if denials.age == inf else denials.age
        return replace(status, denied=len(denials.denied), denied_age=age)

    def watch(self) -> None:
        """Poll from now on, unless it is done already. Where no thread can be started, refreshes do it."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._turn = object()
        self._thread = threading.Thread(
            target=self._watch, args=(self._turn,), name="rightkey-store", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None

    def _watch(self, turn: object) -> None:
        while self._turn is turn:  # not `current_thread`: after gevent's patch that is another one
            self.poll(patiently=True)
            if self._denials is not None:
                self._denials.poll(patiently=True)
            time.sleep(CHANCE.uniform(*POLL))

    def _announce(self, event: Event) -> None:
        with GUARD:
            self.announcer.note([event])
        self.announcer.tell()


def fleet_of(store: Any, secret: Any = None) -> Member | None:
    """The fleet that shares a store; None where none is named.

    Args:
        store: a URL (`file:///run/app/rightkey`, `redis://`, `rediss://`, `unix://`), a client with
            redis-py's methods, or a `Store`.
        secret: as `seal_of` takes it. Only a directory does without.

    Raises:
        Misconfigured: any of them is not as described.
    """
    if store is None:
        if secret is not None:
            raise Misconfigured("store_secret= needs store=")
        return None
    if not isinstance(store, Hashable):
        raise Misconfigured(f"store must be a URL, a redis-py client or a Store, not {type(store).__name__}")
    known = str(store) if isinstance(store, os.PathLike) else store, _digest(secret)
    if known not in _FLEETS:
        opened = opened_store(store)
        member = Member(opened, _seal(opened, secret))
        with GUARD:
            _FLEETS.setdefault(known, member)
    _FLEETS[known].watch()
    return _FLEETS[known]


def opened_store(store: Any) -> Store:
    """The store that was named. Raises Misconfigured."""
    if isinstance(store, Store):
        return store
    if isinstance(store, os.PathLike):
        return DirectoryStore(os.fspath(store))
    if isinstance(store, str) and store.startswith("file:///"):
        return DirectoryStore(store.removeprefix("file://"))
    from rightkey.stores.redis import RedisStore

    return RedisStore(store)


def _seal(store: Store, secret: Any) -> Seal:
    if secret is not None:
        return seal_of(secret)
    if store.private:
        return UNSEALED
    raise Misconfigured(
        f"store {store.name} needs store_secret=: anyone who can write there could otherwise choose the keys",
        hint="openssl rand -base64 48, the same for each process of the fleet",
    )


def _digest(secret: Any) -> bytes:
    return hashlib.sha256(repr(secret).encode()).digest()


def _watch_again() -> None:  # pragma: no cover - runs in a forked child, where nothing measures
    for member in _FLEETS.values():
        member.watch()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_watch_again)

"""Fleet: one process's part in a fleet: its store, the seal, and what becomes of a store that fails."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeVar

from rightkey.events import EntryRejected, Event, StoreBack, StoreLost
from rightkey.freshness.budget import Backoff
from rightkey.freshness.status import StoreStatus
from rightkey.stores.clocks import monotonic
from rightkey.stores.seal import Broken, Seal
from rightkey.stores.store import Marking, Store, StoreFailed, StoreRefused

MAX_LEFT_ALONE = 30.0
"""Seconds for which refreshes leave a store alone that has failed, at most."""
CHANCE = random.SystemRandom()
"""Not the process's own, which a program may seed, and a forked child continues."""
_DISTRUST = "distrust"
_T = TypeVar("_T")


class Fleet:
    """Shared by all verifiers of a process that name the same store.

    Args:
        store: where things are.
        seal: who may write there.
        announce: tells listeners. Called without a lock.
        refuse: called with an issuer's identity and the name of a key that the fleet distrusts.
        monotonic: seconds, for how long the store is left alone.
    """

    def __init__(
        self,
        store: Store,
        seal: Seal,
        announce: Callable[[Event], None],
        refuse: Callable[[str, str], None],
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self.store, self.seal = store, seal
        self._announce, self._refuse, self._monotonic = announce, refuse, monotonic
        self._backoff = Backoff()
        self._lost_at: float | None = None
        self._taken = self._rejected = 0
        self._version: object = None
        self._distrusted: set[tuple[str, str]] = set()
        self._read_at: float | None = None

    # -- its documents

    def call(self, step: Callable[[], _T], *, patiently: bool = False) -> _T | None:
        """What a step at the store returns; None where it fails, or failed a moment ago.

        Args:
            patiently: whether to try also where it failed a moment ago, because no caller waits.
        """
        if not patiently and self._backoff.left(self._monotonic()):
            return None
        try:
            result = step()
        except Exception as error:  # noqa: BLE001 - a store is never a reason to fail
            self._failed(error.reason if isinstance(error, StoreFailed) else type(error).__name__)
            return None
        self._answered()
        return result

    def took(self) -> None:
        """An entry of another process was used."""
        self._taken += 1

    def reject(self, issuer: str, reason: str) -> None:
        """Something in the store was not used."""
        self._rejected += 1
        self._announce(EntryRejected(issuer, self.store.name, reason))

    def status(self) -> StoreStatus:
        """How it is."""
        now = self._monotonic()
        return StoreStatus(
            name=self.store.name,
            available=self._lost_at is None,
            taken=self._taken,
            rejected=self._rejected,
            distrusted=len(self._distrusted),
            distrust_age=None if self._read_at is None else now - self._read_at,
        )

    # -- its used proofs

    @property
    def marks(self) -> bool:
        """Whether the store remembers used proofs."""
        return isinstance(self.store, Marking)

    def first(self, mark: bytes, seconds: float) -> bool:
        """Whether no process of the fleet has used this mark before; it is kept for so many seconds.

        Raises StoreFailed: it cannot be told.
        """
        store = self.store
        assert isinstance(store, Marking)  # noqa: S101 - `marks` is asked before

        def look() -> bool | StoreRefused:
            try:
                return store.mark(mark, seconds)
            except StoreRefused as refused:
                return refused  # it has answered, and is not left alone

        first = self.call(look)
        if first is None:
            raise StoreFailed("unavailable", f"{store.name} gives no answer")
        if isinstance(first, StoreRefused):
            raise first
        return first

    # -- its distrusted keys

    def distrust(self, issuer: str, name: str) -> bool:
        """Have every process of the fleet refuse these keys. Whether the store has it; if not, it is put in
        as soon as the store answers, for as long as this process lives.

        Args:
            issuer: its identity.
            name: a key id or an RFC 7638 thumbprint.
        """
        self._distrusted.add((issuer, name))
        self._version = None
        if not self.seal.writes:
            return False
        return self._add(self._record(issuer, name))

    def poll(self, *, patiently: bool = False) -> None:
        """Read what is distrusted, if it has changed since the last time.

        What this process knows and the store lacks is put in again: a store may have been emptied.

        Args:
            patiently: as `call` has it.
        """
        version = self.call(self.store.version, patiently=patiently)
        if version is None:
            return
        if version != self._version:
            found = self.call(lambda: list(self.store.records()), patiently=True)
            if found is None:
                return
            for known in self._opened(found) - self._distrusted:
                self._refuse(*known)
                self._distrusted.add(known)
            if self._put_again(set(found)):
                self._version = version
        self._read_at = self._monotonic()

    def _opened(self, records: list[bytes]) -> set[tuple[str, str]]:
        opened = set()
        for record in records:
            try:
                issuer, name = json.loads(self.seal.open(_DISTRUST, _DISTRUST, record))
                opened.add((str(issuer), str(name)))
            except (Broken, ValueError, TypeError):
                self.reject("", "seal")
        return opened

    def _put_again(self, there: set[bytes]) -> bool:
        """Whether the store has all that this process knows, by the seal that counts now."""
        if not self.seal.writes:
            return True
        lacking = {self._record(*known) for known in frozenset(self._distrusted)} - there
        return all(self._add(record) for record in lacking)

    def _add(self, record: bytes) -> bool:
        """Whether the store has it now."""

        def add() -> bool:
            self.store.add(record)
            return True

        return self.call(add, patiently=True) is not None

    def _record(self, issuer: str, name: str) -> bytes:
        return self.seal.close(_DISTRUST, _DISTRUST, json.dumps([issuer, name]).encode())

    # -- its failures

    def _failed(self, reason: str) -> None:
        now = self._monotonic()
        self._backoff.failed(now, CHANCE.random())
        self._backoff.until = min(self._backoff.until, now + MAX_LEFT_ALONE)
        if self._lost_at is None:
            self._lost_at = now
            self._announce(StoreLost("", self.store.name, reason))

    def _answered(self) -> None:
        lost_at, self._lost_at = self._lost_at, None
        if lost_at is not None:
            self._backoff.succeeded()
            self._announce(StoreBack("", self.store.name, self._monotonic() - lost_at))

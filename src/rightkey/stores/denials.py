"""SharedDenials: one process's view of the denylist that a fleet shares.

Only what is new is read, and now and then all of it: a store may have been restored from a backup. What this
process knows and the store lacks is put in again. What it has once read it refuses, whatever becomes of the
store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from math import inf

from rightkey.stores.clocks import monotonic, wall
from rightkey.stores.fleet import Fleet
from rightkey.stores.seal import Broken
from rightkey.stores.store import Denying, StoreFailed, StoreRefused
from rightkey.verdict.denylist import Denial, DenialSet, denial_of

LATE = 5.0
"""Seconds without a look at the denylist after which `on_loss` counts."""
READ_WHOLE = 600.0
"""Seconds from one reading of the whole denylist to the next."""
_PATIENCE = 1.0
_KIND = "deny"


class SharedDenials:
    """Of one fleet.

    Args:
        fleet: whose store it is.
        store: the same store.
        denied: what is known here.
        monotonic: seconds, for how long ago it was read.
        wall: Unix time in seconds, by which denials end.
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Denying,
        denied: DenialSet,
        monotonic: Callable[[], float] = monotonic,
        wall: Callable[[], float] = wall,
    ) -> None:
        self.denied = denied
        self._fleet, self._store = fleet, store
        self._monotonic, self._wall = monotonic, wall
        self._since: Hashable = None
        self._whole_at = self._read_at = -inf
        self._reading = threading.Lock()

    @property
    def age(self) -> float:
        """Seconds since it was read; `inf` where it never was."""
        return self._monotonic() - self._read_at

    @property
    def late(self) -> bool:
        """Whether what is known here may be too old."""
        return self.age > LATE

    def catch_up(self) -> None:
        """Read it in the caller's thread, if it is late. Of several at once one reads, the others wait."""
        reading = self._reading
        taken = reading.acquire(timeout=_PATIENCE)
        try:
            if self.late:
                self.poll()
        finally:
            if taken:
                reading.release()
            else:
                self._reading = threading.Lock()  # its holder hangs, or is not there in this forked child

    def poll(self, *, patiently: bool = False) -> None:
        """Read what is new.

        Args:
            patiently: as `Fleet.call` has it.
        """
        now = self._monotonic()
        since = None if now - self._whole_at > READ_WHOLE else self._since
        news = self._fleet.call(lambda: self._store.denied(since), patiently=patiently)
        if news is None:
            return
        there, wall = self._opened(news.records), self._wall()
        taken = [self.denied.add(one, wall) for one in there]
        if not all(taken):
            return  # a store that keeps more than there is room for: what is known here is not all
        if not news.whole or self._put_again(self.denied.lacking(there, wall)):
            self._since = news.position
            self._whole_at = now if news.whole else self._whole_at
        self._read_at = now

    def deny(self, denial: Denial) -> None:
        """Have every process of the fleet refuse it. This one does at once.

        Raises:
            StoreRefused: there is no room for it.
            StoreFailed: the store does not have it. It is put in as soon as the store answers, for as long as
                this process lives.
        """
        if not self.denied.add(denial, self._wall()):
            raise StoreRefused("full", "there is no room for another denial")
        if not self._fleet.seal.writes:
            raise StoreRefused("seal", "the public key alone cannot deny: it needs the private one")
        failed = self._put(denial)
        if failed is not None:
            self._since, self._whole_at = None, -inf
            raise failed

    def _put(self, denial: Denial) -> StoreFailed | None:
        """Put it into the store. Why it does not have it, if it does not."""
        record = self._fleet.seal.close(_KIND, _KIND, denial.octets())

        def put() -> StoreRefused | bool:
            try:
                self._store.deny(record, denial.until)
            except StoreRefused as refused:
                return refused
            return True

        outcome = self._fleet.call(put, patiently=True)
        if outcome is None:
            return StoreFailed("unavailable", f"{self._fleet.store.name} gives no answer")
        return outcome if isinstance(outcome, StoreRefused) else None

    def _put_again(self, denials: Iterable[Denial]) -> bool:
        """Whether the store has them all, or could take none."""
        if not self._fleet.seal.writes:
            return True
        return all(self._put(one) is None for one in denials)

    def _opened(self, records: Iterable[bytes]) -> list[Denial]:
        opened = []
        for record in records:
            try:
                opened.append(denial_of(self._fleet.seal.open(_KIND, _KIND, record)))
            except (Broken, ValueError):
                self._fleet.reject("", "seal")
        return opened

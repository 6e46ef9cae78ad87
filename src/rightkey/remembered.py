"""Remembered: tokens whose signature was checked, so that it need not be checked again.

It stands for the signature check, and for claims that cannot change between two times: the times themselves,
what a call asks, requirements, the key's presence and its certificate are judged at every use. Only verified
tokens enter, found by the whole of their text.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from rightkey.keyset import KeySet
from rightkey.signature import Header, Unverified
from rightkey.verdict import Entry

MAX_BYTES = 4 * 1024 * 1024
MAX_HEADERS = 64
LOOKED_AT = 64
"""Tokens that are looked at to find one that may go; the last goes anyway, so that nobody pays for all."""


class Lock(Protocol):
    """What of a `threading.Lock` is used."""

    def acquire(self, blocking: bool = True) -> bool: ...
    def release(self) -> None: ...


class Remembered:
    """Tokens in the order in which they came, and a hand that passes along it to find who must go.

    Whoever was seen since the hand last came by stays, where it is; the first who was not goes. So a token
    that came once leaves before those that come again and again, and a use is but a mark, without a lock.
    (SIEVE: Zhang and others, NSDI 2024.)

    Args:
        most: how many tokens; 0 for none.
        lock: held while one is added. Who would have to wait for it does without: a token that is not
            remembered is verified once more.
    """

    def __init__(self, most: int, lock: Lock) -> None:
        self.most = most
        self.headers: dict[bytes, Header] = {}
        self._lock = lock
        self._entries: dict[str | bytes, Entry] = {}
        self._passed: deque[str | bytes] = deque()
        """Those whom the hand has passed, the oldest first."""
        self._ahead: deque[str | bytes] = deque()
        """Those before the hand, the newest last."""
        self._bytes = 0

    def recall(self, raw: str | bytes, keys: KeySet) -> Entry | None:
        """The token as it was read and the key that proves its signature, if that is still published."""
        entry = self._entries.get(raw)
        if entry is None:
            return None
        if entry.keys is keys or _still_by_one_of(keys, entry):
            entry.seen = True
            return entry
        return None

    def keep(self, raw: str | bytes, entry: Entry) -> None:
        """Remember a token whose signature was checked."""
        if type(raw) not in (str, bytes):  # a subclass may have another idea of being equal
            return
        if self.most and self._lock.acquire(blocking=False):
            try:
                self._enter(raw, entry)
            finally:
                self._lock.release()

    def keep_header(self, unverified: Unverified) -> None:
        """Remember how a header reads that a good signature has vouched for."""
        if len(self.headers) >= MAX_HEADERS:
            self.headers.clear()
        self.headers[unverified.segment] = unverified.header

    def _enter(self, raw: str | bytes, entry: Entry) -> None:
        if raw not in self._entries:
            self._bytes += _weight(raw)
            while self._entries and (len(self._entries) >= self.most or self._bytes > MAX_BYTES):
                self._forget_one()
            self._ahead.append(raw)
        self._entries[raw] = entry

    def _forget_one(self) -> None:
        raw, looked = self._at_hand(), 1
        while self._entries[raw].seen and looked < LOOKED_AT:
            self._entries[raw].seen = False
            self._passed.append(raw)
            raw, looked = self._at_hand(), looked + 1
        del self._entries[raw]
        self._bytes -= _weight(raw)

    def _at_hand(self) -> str | bytes:
        if not self._ahead:  # the hand is past the newest, and begins again with the oldest
            self._ahead, self._passed = self._passed, self._ahead
        return self._ahead.popleft()

    def __len__(self) -> int:
        return len(self._entries)


def _weight(raw: str | bytes) -> int:
    """Bytes, about: of its text, and of what is kept of it."""
    return 2 * len(raw)


def _still_by_one_of(keys: KeySet, entry: Entry) -> bool:
    """The set was replaced: the key counts only if the new one has the same, and it still fits. One that was
    missing does not come back: its tokens are verified anew."""
    same = [key for key in keys.fitting(entry.header) if key == entry.key]
    if entry.keys is None or not same:
        entry.keys = None
        return False
    entry.key = same[0]
    entry.keys = keys  # last: whoever reads it finds the key in place
    return True

"""Remembered: tokens whose signature was checked, so that it need not be checked again.

It stands for the signature check, and for claims that cannot change between two times: the times themselves,
what a call asks, requirements, the key's presence and its certificate are judged at every use. Only verified
tokens enter, found by the whole of their text.
"""

from __future__ import annotations

from rightkey.keys import Key
from rightkey.keyset import KeySet
from rightkey.signature import Header, Unverified
from rightkey.verdict import Entry, Standing

MAX_BYTES = 4 * 1024 * 1024
MAX_HEADERS = 64


class Remembered:
    """Two generations, so that no use needs a lock: when the young one is full it becomes the old one, and
    the old one is forgotten. A use of an old one makes it young.

    Args:
        most: how many tokens; 0 for none.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.headers: dict[bytes, Header] = {}
        self._half = (most + 1) // 2
        self._young: dict[str | bytes, Entry] = {}
        self._old: dict[str | bytes, Entry] = {}
        self._bytes = 0

    def recall(self, raw: str | bytes, keys: KeySet) -> Entry | None:
        """The token as it was read and the key that proves its signature, if that is still published."""
        entry = self._young.get(raw)
        if entry is None:
            entry = self._old.get(raw)
            if entry is None:
                return None
            self._enter(raw, entry)
        if entry.keys is keys:
            return entry
        return self._among(raw, entry, keys)

    def keep(
        self, raw: str | bytes, unverified: Unverified, standing: Standing, key: Key, keys: KeySet
    ) -> None:
        """Remember a token whose signature was checked with this key."""
        if self._half and type(raw) in (str, bytes):  # a subclass may have another idea of being equal
            self._enter(raw, Entry(unverified, standing, key, keys))

    def keep_header(self, unverified: Unverified) -> None:
        """Remember how a header reads that a good signature has vouched for."""
        if len(self.headers) >= MAX_HEADERS:
            self.headers.clear()
        self.headers[unverified.segment] = unverified.header

    def _among(self, raw: str | bytes, entry: Entry, keys: KeySet) -> Entry | None:
        """The set was replaced: the key counts only if the new one has it too, and it still fits."""
        for key in keys.fitting(entry.unverified.header):
            if key.thumbprint == entry.key.thumbprint:
                entry = entry._replace(key=key, keys=keys)
                self._enter(raw, entry)
                return entry
        self._young.pop(raw, None)
        self._old.pop(raw, None)
        return None

    def _enter(self, raw: str | bytes, entry: Entry) -> None:
        if len(self._young) >= self._half or self._bytes > MAX_BYTES // 2:
            self._young, self._old, self._bytes = {}, self._young, 0
        self._young[raw] = entry
        self._bytes += 2 * len(raw)

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

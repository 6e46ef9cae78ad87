"""Memory: a fleet's store in memory, which can be down, emptied, and restored from an old state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import NamedTuple

from rightkey.stores import turns
from rightkey.stores.store import Asked, StoreFailed, Turn


class Saved(NamedTuple):
    """What a backup has of it."""

    places: dict[str, turns.PlaceState]
    entries: dict[str, bytes]
    records: dict[bytes, None]


class MemoryStore:
    """The rules are those of `turns`, as every store has them. It answers at once."""

    name, private = "memory", True

    def __init__(self, clock: Callable[[], float]) -> None:
        self.down = False
        self._clock = clock
        self._saved = Saved({}, {}, {})
        self._version = 0

    def look(self, place: str, asked: Asked, /) -> Turn:
        self._answer()
        turn = turns.look(self._place(place), asked, self._clock())
        return replace(turn, entry=self._saved.entries.get(place))

    def put(self, place: str, turn: Turn, entry: bytes, /) -> None:
        self._answer()
        if turns.put(self._place(place), turn):
            self._saved.entries[place] = entry

    def fail(self, place: str, turn: Turn, pause: float, word: str, forced: bool, /) -> None:
        self._answer()
        turns.fail(self._place(place), turn, pause, word, forced, self._clock())

    def version(self) -> Hashable:
        self._answer()
        return self._version

    def records(self) -> Iterable[bytes]:
        self._answer()
        return list(self._saved.records)

    def add(self, record: bytes, /) -> None:
        self._answer()
        if record not in self._saved.records:
            self._saved.records[record] = None
            self._version += 1

    # -- what becomes of it

    def save(self) -> Saved:
        """A backup."""
        return copy.deepcopy(self._saved)

    def restore(self, saved: Saved | None = None) -> None:
        """Hold what a backup has, or nothing."""
        self._saved = Saved({}, {}, {}) if saved is None else copy.deepcopy(saved)
        self._version += 1

    def _place(self, place: str) -> turns.PlaceState:
        return self._saved.places.setdefault(place, turns.PlaceState())

    def _answer(self) -> None:
        if self.down:
            raise StoreFailed("down", "the store is down")

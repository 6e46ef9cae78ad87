"""Throttle: a flood of one kind is reported once a second, with how many there were."""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

MAX_KINDS = 1024
"""Kinds of refusals and of log lines that are limited, each by itself; the oldest is forgotten first."""


@dataclass(slots=True)
class _Row:
    """One kind. `came` counts calls, `more` what they stood for beyond one, `told` is `came` at the last that
    passed. `came` needs no lock: the interpreter takes one from a count in one step."""

    came: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    more: int = 0
    told: int = 0
    told_at: float = float("-inf")


class Throttle:
    """Lets one of a kind pass, and then none for a while.

    Args:
        lock: held for the microseconds in which one passes. One that is held back is counted without it, so
            that a flood on many threads does not queue.
        every: seconds from one that passes to the next.
    """

    def __init__(self, lock: AbstractContextManager[object], every: float = 1.0) -> None:
        self._lock = lock
        self._every = every
        self._rows: dict[Hashable, _Row] = {}

    def passes(self, kind: Hashable, now: float, count: int = 1) -> int:
        """How many of this kind there were since one passed, these included; 0 if they are held back.

        Args:
            now: in seconds, by any clock that never goes back.
            count: how many these are.
        """
        row = self._rows.get(kind) or self._new(kind)
        came = next(row.came)
        if count == 1 and self._held_back(row, now):
            return 0
        with self._lock:
            row.more += count - 1
            if self._held_back(row, now):
                return 0
            passed = max(1, came - row.told + row.more)
            row.more, row.told, row.told_at = 0, max(came, row.told), now
        return passed

    def _held_back(self, row: _Row, now: float) -> bool:
        # A time long before the last is another clock's: each verifier of an issuer may have its own.
        return abs(now - row.told_at) < self._every

    def _new(self, kind: Hashable) -> _Row:
        with self._lock:
            row = self._rows.setdefault(kind, _Row())
            if len(self._rows) > MAX_KINDS:
                del self._rows[next(iter(self._rows))]
        return row

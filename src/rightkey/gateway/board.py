"""Board: what workers count, in memory that they share, so that any of them can answer for all.

Each worker writes to a row of its own, so that no lock is needed; rows outlive their workers, and a new one
goes on counting where an ended one stopped.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from math import inf
from typing import NamedTuple

from rightkey.errors import CODES

OWN_CODES = {
    "ok": "passed with a verified token",
    "public": "passed without a token, where the route asks for none",
    "route_unknown": "no route is configured for this host, path and method",
    "path_refused": "services read the path in different ways",
    "method_refused": "services read the method in different ways",
    "host_refused": "services read the host in different ways",
    "request_unsaid": "the proxy did not say what its client asked for",
    "peer_refused": "it came from an address that is not among the peers",
    "head_refused": "its head was too large, or not HTTP",
    "body_refused": "it announced a body",
    "defect": "a defect of the gateway",
}
"""What an answer's code may be, beside those of errors, and what it means."""
ALL_CODES = (*OWN_CODES, *CODES)
_BOUNDS = (5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0, 4.0, 8.0)
"""Seconds. An answer that waits for keys takes 8 at most, by default."""
_NANOSECONDS = [round(bound * 1e9) for bound in _BOUNDS]
_PLACES = {code: place for place, code in enumerate(ALL_CODES)}
_UNREADY, _CONNECTIONS, _TOOK, _TIMES = range(len(ALL_CODES), len(ALL_CODES) + 4)
_WIDTH = _TIMES + len(_BOUNDS) + 1
_OCTETS = 8


class Times(NamedTuple):
    """How long answers took."""

    within: list[tuple[float, int]]
    """Seconds, and how many took so many at most."""
    seconds: float
    """All together."""


class Board:
    """Rows of counters. Make it before the fork. `rows`: how many."""

    def __init__(self, rows: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, rows * _WIDTH * _OCTETS)).cast("Q")
        self.rows = [Row(self._cells[row * _WIDTH : (row + 1) * _WIDTH]) for row in range(rows)]

    def answers(self) -> Iterator[tuple[str, int]]:
        """How often each code was answered, by all workers that there were."""
        for place, code in enumerate(ALL_CODES):
            yield code, sum(row.cells[place] for row in self.rows)

    def times(self) -> Times:
        """How long they took, from a request's octets on."""
        each = (sum(row.cells[place] for row in self.rows) for place in range(_TIMES, _WIDTH))
        within = [*zip((*_BOUNDS, inf), accumulate(each), strict=True)]
        return Times(within, sum(row.cells[_TOOK] for row in self.rows) / 1e9)

    @property
    def connections(self) -> int:
        """How many connections of proxies are open."""
        return sum(row.cells[_CONNECTIONS] for row in self.rows)


class Row:
    """The counters of one worker at a time."""

    def __init__(self, cells: memoryview[int]) -> None:
        self.cells = cells

    def count(self, code: str, took: int) -> None:
        """One more answer with this code. `took`: nanoseconds."""
        cells = self.cells
        cells[_PLACES[code]] += 1
        cells[_TIMES + bisect_left(_NANOSECONDS, took)] += 1
        cells[_TOOK] += took

    def say(self, *, unready: int = 0, connections: int = 0) -> None:
        """How the worker is now: `unready` issuers have no keys that may be used."""
        self.cells[_UNREADY], self.cells[_CONNECTIONS] = unready, connections

    @property
    def unready(self) -> int:
        """How many issuers had no keys, when it was said last."""
        return self.cells[_UNREADY]

"""Board: what workers count, in memory that they share, so that any of them can tell of all.

Each worker writes to a row of its own, so that no lock is needed; rows outlive their workers, and a new one
goes on counting where an ended one stopped.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

from rightkey.errors import CODES

OWN_CODES = {
    "ok": "passed with a verified token",
    "public": "passed without a token, where the route asks for none",
    "route_unknown": "no route is configured for this host, path and method",
    "path_refused": "services read the path in different ways",
    "method_refused": "services read the method in different ways",
    "request_unsaid": "the proxy did not say what its client asked for",
    "peer_refused": "it came from an address that is not among the peers",
    "head_refused": "its head was too large, or not HTTP",
    "body_refused": "it announced a body",
    "defect": "a defect of the gateway",
}
"""What an answer's code may be, beside those of errors, and what it means."""
ALL_CODES = (*OWN_CODES, *CODES)
_PLACES = {code: place for place, code in enumerate(ALL_CODES)}
_UNREADY, _CONNECTIONS = len(ALL_CODES), len(ALL_CODES) + 1
_WIDTH = len(ALL_CODES) + 2
_OCTETS = 8


class Board:
    """Rows of counters. Make it before the fork. `rows`: how many."""

    def __init__(self, rows: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, rows * _WIDTH * _OCTETS)).cast("Q")
        self.rows = [Row(self._cells[row * _WIDTH : (row + 1) * _WIDTH]) for row in range(rows)]

    def answers(self) -> Iterator[tuple[str, int]]:
        """How often each code was answered, by all workers that there were."""
        for place, code in enumerate(ALL_CODES):
            yield code, sum(row.cells[place] for row in self.rows)

    @property
    def connections(self) -> int:
        """How many connections of proxies are open."""
        return sum(row.cells[_CONNECTIONS] for row in self.rows)


class Row:
    """The counters of one worker at a time."""

    def __init__(self, cells: memoryview[int]) -> None:
        self.cells = cells

    def count(self, code: str) -> None:
        """One more answer with this code."""
        self.cells[_PLACES[code]] += 1

    def say(self, *, unready: int = 0, connections: int = 0) -> None:
        """How the worker is now: `unready` issuers have no keys that may be used."""
        self.cells[_UNREADY], self.cells[_CONNECTIONS] = unready, connections

    @property
    def unready(self) -> int:
        """How many issuers had no keys, when it was said last."""
        return self.cells[_UNREADY]

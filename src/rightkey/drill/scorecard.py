"""What came of a drill: its rows, which of them count against the service, and the whole as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rightkey.drill.row import HARM, SHOWN, Kind, Row, Verdict


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A drill's rows, in the order played.

    Args:
        target: the URL that was asked.
        rows: one for each exercise that was chosen, those that were not reached included.
        seconds: how long the drill took.
        strict: advice counts as much as what a standard demands.
        baseline: the verdicts of an earlier card by name: only what got worse since then counts.
        stopped: why the drill ended before its last row, if it did.
    """

    target: str
    rows: Sequence[Row]
    seconds: float = 0.0
    strict: bool = False
    baseline: Mapping[str, Verdict] | None = None
    stopped: str | None = None

    @property
    def passed(self) -> bool:
        """The drill came to its end, something passed, and nothing counts against the service."""
        return self.stopped is None and self.count("passed") > 0 and not self.failing

    @property
    def failing(self) -> list[Row]:
        """The rows that count against the service."""
        return [row for row in self.rows if row.fails(strict=self.strict) and self._worse(row)]

    @property
    def better(self) -> list[Row]:
        """The rows that got better since the baseline."""
        known = self.baseline or {}
        return [
            row for row in self.rows if row.verdict != "skipped" and HARM[row.verdict] < _harm(known, row)
        ]

    def count(self, verdict: Verdict, kind: Kind | None = None) -> int:
        """How many rows came out so, of one kind or of both."""
        return sum(row.verdict == verdict and kind in (None, row.kind) for row in self.rows)

    def document(self) -> dict[str, Any]:
        """The card as JSON; times are in seconds."""
        return {
            "target": self.target,
            "ok": self.passed,
            **{verdict: self.count(verdict) for verdict in SHOWN},
            "must": {verdict: self.count(verdict, "must") for verdict in SHOWN},
            "advice": {verdict: self.count(verdict, "advice") for verdict in SHOWN},
            "strict": self.strict,
            "stopped": self.stopped,
            "failing": [row.name for row in self.failing],
            "better": [row.name for row in self.better],
            "seconds": round(self.seconds, 3),
            "rows": [asdict(row) for row in self.rows],
        }

    def _worse(self, row: Row) -> bool:
        return self.baseline is None or HARM[row.verdict] > _harm(self.baseline, row)


def _harm(known: Mapping[str, Verdict], row: Row) -> int:
    return HARM[known.get(row.name, "passed")]

"""How a drill's card is shown: rows as they come, a sum of them, and two cards beside each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from rightkey.cli import layout, output
from rightkey.cli.errors import BadUse
from rightkey.drill.compare import Comparison, compared, read
from rightkey.drill.exercises import EXERCISES
from rightkey.drill.row import SHOWN, Row, Verdict
from rightkey.drill.scorecard import Scorecard

_MARKS: Mapping[Verdict, str] = {
    "passed": "ok",
    "failed": "failed",
    "error": "note",
    "ended": "failed",
    "skipped": "skipped",
}
_CLEAR = "\r\x1b[K"
_NAME = 34  # columns


class Progress:
    """Says on a terminal's stderr which exercise is played, and that it is at work."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def starts(self, name: str, number: int, count: int) -> None:
        """One line, in place of the last."""
        if self._shown:
            output.write(sys.stderr, f"{_CLEAR}{number} of {count} {name} ...")
            sys.stderr.flush()

    def ends(self) -> None:
        """The line is gone."""
        if self._shown:
            output.write(sys.stderr, _CLEAR)
            sys.stderr.flush()


def show(row: Row) -> None:
    """One row, and what there is to know where it did not pass."""
    cost = [layout.counted(row.requests, "request")] if row.requests else []
    wait = [f"{row.wait:.1f} s waited"] if row.wait >= 0.1 else []
    extra = f" ({', '.join(cost + wait)})" if cost or wait else ""
    said = row.told if row.verdict in ("passed", "failed") else f"{SHOWN[row.verdict]}: {row.told}"
    name = f"{row.name:{_NAME}} {row.kind:6}"
    layout.triples([(layout.mark(_MARKS[row.verdict]), name, Text(output.plain(f"{said}{extra}")))])
    if row.verdict in ("failed", "error", "ended"):
        layout.pairs(_explained(row), indent=3)


def _explained(row: Row) -> Iterator[tuple[str, str]]:
    yield "expected", row.expected
    yield "by", row.reference
    yield "why", row.why
    yield "do", row.remedy


def summarize(card: Scorecard) -> None:
    """How much of each kind passed, what got better or worse, and the verdict."""
    layout.line()
    layout.pairs([(kind, _counts(card, kind)) for kind in ("must", "advice")])
    if card.baseline is not None:
        layout.pairs([("better", _names(card.better)), ("worse", _names(card.failing))])
    if card.stopped is not None:
        layout.line("the drill did not come to its end", "red bold")
        return
    failing = len(card.failing)
    tested = any(row.verdict != "skipped" for row in card.rows)
    said = "passed" if card.passed else "nothing passed" if tested else "nothing was tested"
    if failing:
        said = f"failed: {layout.counted(failing, 'row')}"
    layout.line(f"{said}; {card.seconds:.0f} s", "green bold" if card.passed else "red bold")


def _counts(card: Scorecard, kind: Any) -> str:
    told = [f"{count} {SHOWN[verdict]}" for verdict in SHOWN if (count := card.count(verdict, kind))]
    return ", ".join(told) or "none"


def _names(rows: list[Row]) -> str:
    return ", ".join(row.name for row in rows) or "nothing"


def show_all(*, as_json: bool) -> int:
    """Every exercise there is."""
    facts = [
        {
            "name": name,
            "kind": exercise.kind if exercise.kind != "at+jwt" else "must with --typ at+jwt, else advice",
            "expected": exercise.expected,
            "reference": exercise.reference,
            "why": exercise.why,
            "do": exercise.remedy,
        }
        for name, exercise in EXERCISES.items()
    ]
    if as_json:
        output.data({"exercises": facts})
    else:
        columns = ("name", "kind", "reference", "expected")
        layout.table(columns, [[fact[column] for column in columns] for fact in facts])
    return 0


def differences(files: tuple[str, ...], *, as_json: bool, strict: bool) -> int:
    """Two cards, as JSON in files, beside each other: 1 where something that counts got worse."""
    if len(files) != 2:
        raise BadUse(f"expected two cards to compare, got {len(files)}", "rightkey drill diff BEFORE AFTER")
    found = compared(*map(card_in, files))
    if as_json:
        output.data(found.document())
    else:
        _show_changes(found)
    return 1 if found.worse(strict=strict) else 0


def _show_changes(found: Comparison) -> None:
    for one in found.changes:
        before, after = (SHOWN[verdict] if verdict else "not there" for verdict in (one.before, one.after))
        mark = "failed" if one.worse else "ok" if one.better else "note"
        said = f"{before} -> {after}"
        layout.triples([(layout.mark(mark), f"{one.name:{_NAME}} {one.kind:6}", Text(said))])
    worse, better = (sum(getattr(one, what) for one in found.changes) for what in ("worse", "better"))
    layout.line(f"{worse} worse, {better} better, {len(found.changes)} changed")


def card_in(file: str) -> dict[str, Any]:
    """A card that an earlier drill wrote with --json."""
    try:
        return read(Path(file).read_bytes())
    except OSError as error:
        raise BadUse(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except ValueError:
        raise BadUse(f"{file}: not the card of a drill", "rightkey drill ... --json > card.json") from None


def require_writable(*files: Path | None) -> None:
    """Before minutes of drill, not after them.

    Raises:
        BadUse: the folder of a file is not there, or nothing can be written to it.
    """
    for file in files:
        if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
            raise BadUse(f"{file}: cannot be written")


def write(file: Path, content: bytes) -> None:
    """Write a report."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadUse(f"{file}: {(error.strerror or 'cannot be written').lower()}") from None

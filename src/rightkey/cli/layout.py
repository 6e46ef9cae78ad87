"""How output for people is laid out: pairs, tables and marks, as wide as the terminal.

An id is never broken: what is longer than its column widens the line, and a table that would have to break
one is shown as records. Off a terminal each row is one line, for grep.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rightkey.cli.output import plain, styled, write

Row = Sequence[str | Text]
UNBOUND = 100_000
"""Columns off a terminal: a row stays on one line."""
LEAST_LAST = 24
"""Columns that the last column of a table must have left, or records read better."""

MARKS = {"ok": ("✓", "ok", "green"), "failed": ("✗", "x", "red"), "skipped": ("–", "-", "dim")}
MARKS["note"] = ("·", ".", "dim")
"""An outcome's mark, its mark in ASCII, and its style."""


def line(text: str = "", style: str = "") -> None:
    """One line."""
    _print(Text(plain(text), style))


def pairs(rows: Iterable[tuple[str, str | Text]], indent: int = 0) -> None:
    """Names and their values."""
    cells = [(Text(plain(name)), _cell(value)) for name, value in rows]
    grid = _grid(("dim", ""), cells)
    _print(Padding(grid, (0, 0, 0, indent), expand=False), indent + _least(cells))


def triples(rows: Iterable[tuple[Text, str, Text]]) -> None:
    """Marks, names and sentences."""
    cells = [(sign, Text(plain(name)), text) for sign, name, text in rows]
    _print(_grid(("", "", ""), cells), _least(cells))


def table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """A table with a head; records, one under the other, where it does not fit the terminal.

    On a terminal a cell may have several lines; elsewhere they are joined.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(_width(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    needed = sum(widths[:-1]) + 2 * (len(columns) - 1) + min(widths[-1], LEAST_LAST)
    if needed > _columns():
        _records(columns, cells)
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns[:-1]:
        grid.add_column(name, no_wrap=True)
    grid.add_column(columns[-1], overflow="fold")
    for row in cells:
        grid.add_row(*row)
    _print(grid)


def _records(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
    for first, *rest in rows:
        _print(Text.assemble((f"{columns[0]} ", "dim"), first), UNBOUND)
        pairs(zip(columns[1:], rest, strict=True), indent=2)


def _grid(styles: Sequence[str], rows: Iterable[Sequence[Text]]) -> Table:
    """Columns as wide as they need, and the last as wide as is left."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for style in styles[:-1]:
        grid.add_column(style=style, no_wrap=True)
    grid.add_column(style=styles[-1], overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def _least(rows: Sequence[Sequence[Text]]) -> int:
    """Columns that rows need so that no word of them is broken."""
    if not rows:
        return 0
    before = sum(max(_width(row[i]) for row in rows) + 2 for i in range(len(rows[0]) - 1))
    return before + max((cell_len(word) for row in rows for word in row[-1].plain.split()), default=0) + 2


def _width(text: Text) -> int:
    return max(map(cell_len, text.plain.splitlines()), default=0)


def several(lines: Sequence[str]) -> Text:
    """Several lines on a terminal; elsewhere they are joined by commas."""
    return Text(("\n" if sys.stdout.isatty() else ", ").join(map(plain, lines)))


def counted(number: int, what: str) -> str:
    """A number of things, in words: `1 key`, `2 keys`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def mark(outcome: str) -> Text:
    """The mark of an outcome, in ASCII where the terminal has no other characters."""
    sign, letters, style = MARKS[outcome]
    try:
        sign.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        sign = letters
    return Text(sign, style)


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(plain(value))


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNBOUND


def _print(what: Any, least: int = 0) -> None:
    """Print, in at least so many columns: a terminal wraps what is too long, and still copies it whole."""
    colour = styled(sys.stdout)
    console = Console(
        file=sys.stdout,
        force_terminal=colour,
        color_system="auto" if colour else None,
        width=max(_columns(), least),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(what)
    lines = captured.get().splitlines()
    write(sys.stdout, "".join(f"{one.rstrip()}\n" for one in lines))

"""How a page for people is set: pairs, tables and marks, as wide as the terminal, or as wide as it takes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rightkey.cli.output import plain, styled, write

Row = Sequence[str | Text]
UNBOUND = 100_000
"""Columns where nobody looks: one thing stays on one line, for grep."""

MARKS = {"ok": ("✓", "ok", "green"), "failed": ("✗", "x", "red"), "skipped": ("–", "-", "dim")}
MARKS["note"] = ("·", ".", "dim")
"""An outcome's mark, its mark in ASCII, and its style."""


def line(text: str = "", style: str = "") -> None:
    """One line."""
    _print(Text(plain(text), style))


def pairs(rows: Iterable[tuple[str, str | Text]], indent: int = 0) -> None:
    """Names and what they stand for."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(Text(plain(name)), _cell(value))
    _print(Padding(grid, (0, 0, 0, indent), expand=False))


def triples(rows: Iterable[tuple[Text, str, Text]]) -> None:
    """Marks, names and what there is to say."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for sign, name, text in rows:
        grid.add_row(sign, plain(name), text)
    _print(grid)


def table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """A table with a head. On a terminal a cell may have several lines; elsewhere they are joined."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for position, name in enumerate(columns):
        wraps = position in (0, len(columns) - 1)
        grid.add_column(name, overflow="fold", no_wrap=not wraps)
    for row in rows:
        grid.add_row(*map(_cell, row))
    _print(grid)


def several(lines: Sequence[str]) -> Text:
    """What is one under the other on a terminal, and side by side elsewhere."""
    return Text(("\n" if sys.stdout.isatty() else ", ").join(map(plain, lines)))


def counted(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def mark(outcome: str) -> Text:
    """The mark of an outcome, in letters where the terminal has no others."""
    sign, letters, style = MARKS[outcome]
    try:
        sign.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        sign = letters
    return Text(sign, style)


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(plain(value))


def _print(what: Any) -> None:
    colour, terminal = styled(sys.stdout), sys.stdout.isatty()
    console = Console(
        file=sys.stdout,
        force_terminal=colour,
        color_system="auto" if colour else None,
        width=shutil.get_terminal_size().columns if terminal else UNBOUND,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(what)
    lines = captured.get().splitlines()
    write(sys.stdout, "".join(f"{one.rstrip()}\n" for one in lines))

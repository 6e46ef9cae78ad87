"""What a program found: its figures and tables, and which goals it reached; how they are shown and saved."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from cryptography.hazmat.backends.openssl import backend
from rich import box
from rich import table as rich_table
from rich.console import Console

WIDTH = 400  # columns of a page that is no terminal: no cell is broken


@dataclass
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass
class Chart:
    """Bars, each a median, in one unit."""

    name: str
    title: str
    unit: str
    bars: dict[str, float]


@dataclass
class Goal:
    """`found` says what was measured, in words with its unit."""

    what: str
    goal: str
    found: str
    reached: bool


@dataclass
class Report:
    """Of one program. `figures` are all its numbers, as `--json` prints them."""

    program: str
    figures: Mapping[str, Any]
    tables: list[Table]
    charts: list[Chart] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = field(default_factory=lambda: machine())
    method: str = ""


def command(
    method: str | None,
    measure: Callable[[argparse.Namespace], Report],
    options: Callable[[argparse.ArgumentParser], Any] = lambda _: None,
) -> None:
    """A program of the suite: `method` is its docstring."""
    parser = argparse.ArgumentParser(description=method, formatter_class=argparse.RawTextHelpFormatter)
    options(parser)
    parser.add_argument("--json", action="store_true", help="every figure, and no table")
    parser.add_argument("--save", type=Path, metavar="DIR", help="JSON and charts as SVG and PNG")
    chosen = parser.parse_args()
    report = measure(chosen)
    report.method = method or ""
    if chosen.save:
        save(report, chosen.save)
    if chosen.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        show(report)


def machine() -> str:
    """What was measured on, without its name. Whose build of Python it is counts for a quarter of the time: a
    system's own and those of containers are optimised by a profile, pyenv's are not unless that is asked."""
    linux = sys.platform == "linux"
    system = platform.freedesktop_os_release()["PRETTY_NAME"] if linux else platform.system()
    whose = " of the system" if sys.base_prefix == "/usr" else ""
    return (
        f"{platform.python_implementation()} {platform.python_version()}{whose}, {system} on "
        f"{platform.machine()} with {os.cpu_count()} cores, {backend.openssl_version_text()}"
    )


def versions(*names: str) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def show(report: Report) -> None:
    """Tables on a terminal, Markdown elsewhere."""
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDTH, highlight=False)
    for table in tables(report):
        console.print(f"\n{table.title}\n" if not terminal else f"\n[bold]{table.title}[/]", markup=terminal)
        console.print(drawn(table, box.SIMPLE_HEAD if terminal else box.MARKDOWN))
    for note in report.notes:
        console.print(f"\n{note}", markup=False)
    console.print(f"\n{report.machine}; {stated(report.versions)}", markup=False)


def tables(report: Report) -> Iterator[Table]:
    yield from report.tables
    if report.goals:
        rows = [(one.what, one.goal, one.found, "yes" if one.reached else "no") for one in report.goals]
        yield Table("Goals", ("what", "goal", "found", "reached"), rows)


def drawn(table: Table, lines: box.Box) -> rich_table.Table:
    drawn = rich_table.Table(box=lines)
    for position, column in enumerate(table.columns):
        numbers = position > 0 and all(row[position][:1].isdigit() for row in table.rows if row[position])
        drawn.add_column(column, justify="right" if numbers else "left")
    for row in table.rows:
        drawn.add_row(*row)
    return drawn


def stated(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def save(report: Report, directory: Path) -> None:
    """`PROGRAM.json`, and a file of each kind for each chart."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{report.program}.json").write_text(json.dumps(asdict(report), indent=1) + "\n")
    for chart in report.charts:
        plot(chart, directory)


def plot(chart: Chart, directory: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "rightkey"  # so that the same figures give the same file
    from matplotlib import pyplot

    labels, values = list(chart.bars), list(chart.bars.values())
    figure, axes = pyplot.subplots(figsize=(9, 0.9 + 0.28 * len(labels)), layout="constrained")
    ours = ["#1f6feb" if label.startswith("rightkey") else "#8b949e" for label in labels]
    bars = axes.barh(labels, values, color=ours)
    axes.bar_label(bars, fmt="{:,.3g}", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(chart.unit)
    axes.set_title(chart.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(directory / f"{chart.name}.svg", metadata={"Date": None})
    figure.savefig(directory / f"{chart.name}.png", dpi=120)
    pyplot.close(figure)


def page(directory: Path, programs: tuple[str, ...]) -> None:
    """One page of what lies saved in a directory, for people."""
    found = [directory / f"{program}.json" for program in programs]
    saved = [json.loads(path.read_text()) for path in found if path.exists()]
    (directory / "README.md").write_text("\n".join(text(saved)) + "\n")


def text(saved: list[dict[str, Any]]) -> Iterator[str]:
    yield "# Benchmarks\n"
    yield "Made by `python -m bench --save docs/benchmarks`; nothing here is written by hand. Contenders take"
    yield "turns in one run, a short round each again and again, so that a noisy machine slows all of them"
    yield "alike. Where nothing waits, time is what the process had of the processors. Times are medians,"
    yield "with quartiles; ratios are taken within one run."
    yield "[How far to trust these figures](spread.md) says by how much another hour differs.\n"
    goals = [Goal(**goal) for report in saved for goal in report["goals"]]
    yield from chapter(Report("", {}, [], goals=goals), "##")
    for report in saved:
        title, *paragraphs = report["method"].split("\n\n")
        yield f"\n## {title.strip()}\n"
        for paragraph in paragraphs:
            code = paragraph.startswith("    ")
            yield f"```sh\n{paragraph.strip()}\n```\n" if code else f"{paragraph.strip()}\n"
        tables = [Table(**table) for table in report["tables"]]
        yield from chapter(Report("", {}, tables), "###")
        for chart in report["charts"]:
            yield f"\n![{chart['title']}]({chart['name']}.svg)\n"
        yield from (f"\n{note}" for note in report["notes"])
        yield f"\n{report['machine']}; {stated(report['versions'])}."


def chapter(report: Report, heading: str) -> Iterator[str]:
    for table in tables(report):
        yield f"{heading} {table.title}\n"
        console = Console(width=WIDTH, highlight=False)
        with console.capture() as captured:
            console.print(drawn(table, box.MARKDOWN))
        yield "\n".join(line.rstrip() for line in captured.get().strip().splitlines()) + "\n"


def between_marks(page: str, made: Mapping[str, Callable[[], str]]) -> str:
    """A page with its tables made anew, each between the marks of its name."""
    for name, table in made.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
        page = pattern.sub(_literally(f"\n{table()}\n\n"), page)
    return page


def _literally(text: str) -> Callable[[re.Match[str]], str]:
    """No backslash in it means anything."""
    return lambda _: text

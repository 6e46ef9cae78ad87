"""Figures that hold: each claim of README and the docs is measured again, and compared with what was saved.

    python -m bench.figures                       measure, and say which are within their spread
    python -m bench.figures --save                the same, and add this hour to the saved ones
    python -m bench.figures --only verify size    some of the programs
    python -m bench.figures --of DIR              by what `python -m bench --save DIR` found

It exits with 1 if a claim is outside. `--save` adds to docs/benchmarks/figures.json, and writes the figures
anew in every page that states them. What a page states is the median of the hours.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.claims import CLAIMS, DOCS, PROGRAMS, SAVED, Claim, is_within, medians, saved, values_of
from bench.comparison import table
from bench.report import between_marks, machine

SPREAD = DOCS / "benchmarks" / "spread.md"
COLUMNS = ("what", "program", "median", "in each hour", "within")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS, metavar="PROGRAM")
    parser.add_argument("--of", type=Path, metavar="DIR")
    parser.add_argument("--save", action="store_true")
    chosen = parser.parse_args()
    if chosen.of is not None:
        values = dict(claimed(chosen.of, chosen.only))
    else:
        with tempfile.TemporaryDirectory() as folder:
            for program in chosen.only:
                measure(program, Path(folder))
            values = dict(claimed(Path(folder), chosen.only))
    before = saved()
    outside = [claim.what for claim in CLAIMS if not told(claim, values, medians(before))]
    if chosen.save:
        now = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())
        keep([*before, {"at": now, "machine": machine(), "values": values}])
    return 1 if outside else 0


def measure(program: str, folder: Path) -> None:
    """In a process of its own, whose tables are not wanted."""
    start = time.monotonic()
    command = [sys.executable, "-m", f"bench.{program}", "--save", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"# {program}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def claimed(folder: Path, programs: Collection[str]) -> Iterator[tuple[str, float]]:
    """The value of each claim of these programs: of none whose contender, or callgrind, is not here."""
    for claim in CLAIMS:
        path = folder / f"{claim.program}.json"
        if claim.program in programs and path.exists():
            figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["figures"]
            with suppress(KeyError):
                yield claim.what, claim.found(figures)


def told(claim: Claim, values: Mapping[str, float], medians: Mapping[str, float]) -> bool:
    """Print one line; False if the value is outside of the stated spread."""
    if claim.what not in values:
        return True
    value = values[claim.what]
    words, within = claim.shown.format(value), True
    if claim.what in medians:
        within = is_within(claim, value, medians[claim.what])
        words += f", saved {claim.shown.format(medians[claim.what])}: {'within' if within else 'OUTSIDE'}"
        words += f" {100 * claim.within:.0f} %"
    print(f"{claim.what}: {words}")
    return within


def keep(runs: list[dict[str, Any]]) -> None:
    """Save the runs, and have each page state their medians."""
    old, new = medians(saved()), medians(runs)
    SAVED.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    for page in {page for claim in CLAIMS for page in claim.said}:
        path = DOCS.parent / page
        path.write_text(restated(path.read_text(encoding="utf-8"), page, old, new), encoding="utf-8")
    SPREAD.write_text(spread(), encoding="utf-8")


def restated(text: str, page: str, old: Mapping[str, float], new: Mapping[str, float]) -> str:
    """A page with the new medians where the old ones stood."""
    for claim in CLAIMS:
        if claim.what in old and page in claim.said:
            text = text.replace(claim.sentence(page, old), claim.sentence(page, new))
    return text


def spread() -> str:
    """The page about spread, with its table made anew."""
    return between_marks(SPREAD.read_text(encoding="utf-8"), {"claims": claims})


def claims() -> str:
    runs = saved()
    middle = medians(runs)
    rows = [
        (
            claim.what,
            f"`{claim.program}`",
            claim.shown.format(middle[claim.what]),
            ", ".join(claim.shown.format(value) for value in values_of(runs, claim)),
            f"{100 * claim.within:.0f} %",
        )
        for claim in CLAIMS
        if claim.what in middle
    ]
    hours = ", ".join(run["at"] for run in runs)
    return f"{table(COLUMNS, rows)}\n\nMeasured at {hours}; at last by {runs[-1]['machine']}."


if __name__ == "__main__":
    sys.exit(main())

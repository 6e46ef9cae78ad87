"""Instructions: what a token and an import take of the processor, counted by callgrind.

    python -m bench.instructions [--alg RS256 ...] [--calls 100]

No other program's load shows in a count: this is the figure to compare between hours, and between machines.
Each way to verify one typical token is called so often in a process under callgrind, with its keys at hand,
and an empty call is taken off. Valgrind's processor has neither AVX-512 nor ADX: OpenSSL's check takes more
instructions there than on a newer one, and what Python does takes the same. An import is a process of its
own, less one that does nothing. Without `valgrind` nothing is counted.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.contenders import PACKAGES
from bench.counting import BARE, EMPTY, REMEMBERED
from bench.measure import environment, process_of
from bench.report import Goal, Report, Table, command, versions
from bench.size import IMPORTS, LIMIT, OURS, READY, READY_PYJWT, ROOT

ALGORITHMS = ("RS256", "ES256")
WHOLE, PYJWT = "rightkey, client", "PyJWT, client"
IMPORTED = (LIMIT, OURS, READY, READY_PYJWT, "oxyjwt", "joserfc", "Authlib")
MOST_OWN, MOST_REMEMBERED = {"RS256": 70_000, "ES256": 80_000}, 16_000
"""Instructions that a verification may take over the bare check, and a remembered token in all. A signature
by ES256 is written anew for OpenSSL.
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alg", nargs="*", choices=ALGORITHMS, default=ALGORITHMS)
    parser.add_argument("--calls", type=int, default=100)


def measure(options: argparse.Namespace) -> Report:
    if shutil.which("valgrind") is None:
        return Report("instructions", {}, [], notes=["Nothing was counted: there is no `valgrind` here."])
    tokens = {alg: counted(alg, options.calls) for alg in options.alg}
    imports = imported()
    tables = [Table(f"A token, {alg}", TOKEN, rows_of(counts)) for alg, counts in tokens.items()]
    rows = [
        (name, f"{count / 1e6:,.0f}", f"{count / imports[LIMIT]:.2f}")
        for name, count in sorted(imports.items(), key=lambda item: item[1])
    ]
    tables.append(Table("Importing", ("what", "millions of instructions", f"times {LIMIT}"), rows))
    figures = {"calls": tokens, "imports": imports}
    told = versions(*PACKAGES) | {"Valgrind": said("valgrind", "--version").removeprefix("valgrind-").strip()}
    return Report("instructions", figures, tables, goals=goals(tokens, imports), versions=told)


TOKEN = ("who", "instructions", "over the bare check", "times bare")


def rows_of(counts: dict[str, float]) -> list[tuple[str, ...]]:
    bare = counts[BARE]
    return [
        (name, f"{count:,.0f}", f"{count - bare:,.0f}" if count > bare else "", f"{count / bare:.2f}")
        for name, count in sorted(counts.items(), key=lambda item: item[1])
    ]


def goals(tokens: dict[str, dict[str, float]], imports: dict[str, int]) -> list[Goal]:
    found = []
    for alg, counts in tokens.items():
        own, remembered = counts[WHOLE] - counts[BARE], counts[REMEMBERED]
        found += [
            Goal(
                f"instructions of own work, {alg}",
                f"at most {MOST_OWN[alg]:,}",
                f"{own:,.0f}, where PyJWT's are {counts[PYJWT] - counts[BARE]:,.0f}",
                own <= MOST_OWN[alg],
            ),
            Goal(
                f"instructions of a remembered token, {alg}",
                f"at most {MOST_REMEMBERED:,}",
                f"{remembered:,.0f}",
                remembered <= MOST_REMEMBERED,
            ),
        ]
    times = imports[OURS] / imports[LIMIT]
    what = f"instructions of import {OURS} / of import {LIMIT}"
    return [*found, Goal(what, "at most 1.2", f"{times:.2f}", times <= 1.2)]


def counted(alg: str, calls: int) -> dict[str, float]:
    """Instructions a call of each, without those of calling."""
    with tempfile.TemporaryDirectory() as folder:
        names = json.loads(by_callgrind(Path(folder), "-m", "bench.counting", alg, str(calls), marked=True))
        empty, *totals = (total(Path(folder, f"counts.{number}")) for number in range(2, len(names) + 2))
    assert names[0] == EMPTY
    return {name: (count - empty) / calls for name, count in zip(names[1:], totals, strict=True)}


def imported() -> dict[str, int]:
    """Instructions of each, from compiled files: the first process writes them."""
    counts = {}
    for name, program in {EMPTY: "pass", **{name: IMPORTS[name] for name in IMPORTED}}.items():
        process_of("-c", program)(1)
        with tempfile.TemporaryDirectory() as folder:
            by_callgrind(Path(folder), "-c", program)
            counts[name] = total(Path(folder, "counts"))
    empty = counts.pop(EMPTY)
    return {name: count - empty for name, count in counts.items()}


def by_callgrind(folder: Path, *arguments: str, marked: bool = False) -> str:
    """What Python says under callgrind, whose counts stand in the folder: a file for each mark, if there are
    marks, and one for the rest. Hashes are the same at each run.
    """
    own = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder / 'counts'}"]
    own += ["--dump-before=getppid"] if marked else []
    return said(*own, sys.executable, *arguments, env=environment() | {"PYTHONHASHSEED": "0"})


def said(*words: str, env: dict[str, str] | None = None) -> str:
    return subprocess.run(words, check=True, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True).stdout


def total(counts: Path) -> int:
    found = re.search(r"^totals: (\d+)$", counts.read_text(), re.MULTILINE)
    assert found is not None, "callgrind has counted nothing"
    return int(found[1])


if __name__ == "__main__":
    command(__doc__, measure, options)

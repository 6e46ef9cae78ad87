"""Whether enough is covered: every line and branch of the core, and nine tenths of the rest."""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePath
from typing import Any

REST = {"gateway", "localissuer", "drill", "cli", "__main__"}
"""What is no part of the core; see the ranks in tests/test_house.py."""
ENOUGH = 90.0


def main(report: str) -> int:
    files = json.loads(Path(report).read_text())["files"]
    core = {name: file for name, file in files.items() if unit(name) not in REST}
    gaps = [f"{PurePath(name).name}: {gap}" for name, file in core.items() if (gap := missing(file))]
    print(f"core: {percent(core.values()):.2f} % of lines and branches; {len(gaps)} files with gaps")
    print(*gaps, sep="\n", end="\n" if gaps else "")
    rest = percent(file for name, file in files.items() if name not in core)
    print(f"rest: {rest:.2f} % of lines and branches, {ENOUGH:g} % are enough")
    return 1 if gaps or rest < ENOUGH else 0


def unit(name: str) -> str:
    """The module or package right below `rightkey`."""
    parts = PurePath(name).with_suffix("").parts
    return parts[parts.index("rightkey") + 1]


def missing(file: dict[str, Any]) -> str:
    """The lines and branches of a file that were not taken."""
    lines = [str(line) for line in file["missing_lines"]]
    branches = [f"{start}->{'end' if end < 0 else end}" for start, end in file["missing_branches"]]
    return ", ".join(lines + branches)


def percent(files: Any) -> float:
    """Of all lines and branches, how many were taken."""
    totals = [file["summary"] for file in files]
    done = sum(total["covered_lines"] + total["covered_branches"] for total in totals)
    return 100.0 * done / max(1, sum(total["num_statements"] + total["num_branches"] for total in totals))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

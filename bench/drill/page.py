"""The tables of docs/drill.md: what the suite asks, and what the cards of others say.

python -m bench.drill.page     write both anew
"""

from __future__ import annotations

from pathlib import Path

from bench.drill import others
from bench.drill.checked import CHECKED
from bench.report import between_marks
from rightkey.drill import EXERCISES

PAGE = Path(__file__).parents[2] / "docs" / "drill.md"
_KINDS = {"at+jwt": "must for `at+jwt`, else advice"}


def exercises() -> str:
    """A line for each exercise, in the order in which they are played."""
    lines = ["| exercise | kind | the service has to | by | why; what to do |", f"|{' --- |' * 5}"]
    for name, one in EXERCISES.items():
        cells = (f"`{name}`", _KINDS.get(one.kind, one.kind), one.expected, one.reference)
        lines.append(f"| {' | '.join(cells)} | {one.why}; {one.remedy} |")
    return "\n".join(lines)


def checks() -> str:
    """A line for each row that others failed and that was checked by hand: all that a standard demands."""
    found: dict[str, list[str]] = {}
    cards = others.cards()
    for card in cards:
        advice = [name for name in others.failing(card, "advice") if name in CHECKED]
        for name in [*others.failing(card), *advice]:
            found.setdefault(name, []).append(card["product"])
    lines = ["| row | failed by | checked by hand |", "| --- | --- | --- |"]
    for name in [name for name in EXERCISES if name in found]:
        who = "all" if len(found[name]) == len(cards) else ", ".join(found[name])
        lines.append(f"| `{name}` | {who} | {CHECKED[name]} |")
    return "\n".join(lines)


TABLES = {"exercises": exercises, "others": others.table, "checks": checks}


def written(page: str) -> str:
    """The page with its tables made anew."""
    return between_marks(page, TABLES)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

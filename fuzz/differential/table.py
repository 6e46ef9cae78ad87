"""Classes of disagreement, and the table that says why rightkey decides as it does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

KNOWN = Path(__file__).with_name("known.toml")


class Class(NamedTuple):
    """An oddity, what rightkey decides, and who of the others accepts, of those that know the algorithm."""

    oddity: str
    accepted: bool
    others: tuple[str, ...]
    asked: tuple[str, ...]

    def __str__(self) -> str:
        ours = "accepts" if self.accepted else "refuses"
        others = ", ".join(self.others) or "none"
        return f"{self.oddity}: rightkey {ours}; of {', '.join(self.asked)} accept: {others}"


class Reason(NamedTuple):
    """Why rightkey decides as it does, and in which classes: of each oddity, who of the others may accept."""

    accepted: bool
    why: str
    classes: dict[str, list[list[str]]]

    def covers(self, one: Class) -> bool:
        """Whether this is the reason of a class: for this decision, and just these others."""
        return self.accepted == one.accepted and any(
            fnmatchcase(one.oddity, name)
            and any(among(others, one.asked) == one.others for others in several)
            for name, several in self.classes.items()
        )


def among(others: Iterable[str], asked: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the others that were asked, in their order."""
    return tuple(name for name in asked if name in others)


def read() -> dict[str, Any]:
    """The file. Each class is an oddity's name, in which `*` stands for any text, and who else accepts."""
    return tomllib.loads(KNOWN.read_text(encoding="utf-8"))


@cache
def known() -> tuple[Reason, ...]:
    """The reasons."""
    return tuple(
        Reason(
            one["rightkey"] == "accepts",
            one["why"],
            {name: [others.split() for others in several] for name, several in one["classes"].items()},
        )
        for one in read()["reason"]
    )


def made_with() -> dict[str, str]:
    """The versions of the other libraries that the table was made with."""
    return dict(read()["versions"])


def unknown(classes: Iterable[Class], reasons: tuple[Reason, ...]) -> Iterator[Class]:
    """Those that no reason covers."""
    return (one for one in classes if not any(reason.covers(one) for reason in reasons))


def page() -> str:
    """The table as it stands in the docs."""
    rows = ["| rightkey | what | others that accept | why |", "| --- | --- | --- | --- |"]
    for one in read()["reason"]:
        several = one["classes"]
        names = "; ".join(f"`{name}`" for name in several)
        others = {each or "none" for some in several.values() for each in some}
        rows.append(f"| {one['rightkey']} | {names} | {'; '.join(sorted(others))} | {one['why']} |")
    return "\n".join(rows)

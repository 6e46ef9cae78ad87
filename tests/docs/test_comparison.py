"""docs/comparison.md: its tables are those of the figures that were saved."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rightkey.drill import EXERCISES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("bench", None)
    return importlib.import_module("bench.comparison")


def test_the_tables_are_made_from_the_figures(comparison: ModuleType) -> None:
    """`python -m bench.comparison` writes them, and there is no other table."""
    page = comparison.PAGE.read_text(encoding="utf-8")
    assert comparison.between_marks(page, comparison.TABLES) == page
    made = "\n".join(table() for table in comparison.TABLES.values()).splitlines()
    assert [line for line in page.splitlines() if line.startswith("|")] == made


def test_each_question_is_answered_by_exercises_of_the_drill(comparison: ModuleType) -> None:
    """By their names; none answers two."""
    asked = [name for names in comparison.QUESTIONS.values() for name in names]
    assert set(asked) <= set(EXERCISES)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["passed", "passed"], "yes"),
        (["failed", "ended"], "no"),
        (["passed", "failed", "skipped"], "1 of 2"),
        (["error", "passed"], "yes, by a 5xx"),
        (["error", "failed"], "1 of 2"),
        (["skipped"], "not tested"),
    ],
)
def test_what_is_said_of_verdicts(comparison: ModuleType, verdicts: list[str], said: str) -> None:
    """What was not tested neither helps nor harms, and a 5xx lets no token in."""
    assert comparison.answer(verdicts) == said


def test_each_contender_has_its_version(comparison: ModuleType) -> None:
    """As saved: a number for each library that its name is made of."""
    rows = [line.split(" | ") for line in comparison.staying().splitlines()[2:]]
    assert len(rows) > 8
    for name, version, *_ in rows:
        assert len(re.findall(r"\d+\.\d+\.\d+", version)) == name.count(" + ") + 1

"""docs/drill.md: its tables are those of the data, and what it says of options, claims and verdicts holds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rightkey.drill import EXERCISES
from rightkey.drill.row import SHOWN

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page() -> str:
    return (ROOT / "docs" / "drill.md").read_text(encoding="utf-8")


def test_the_tables_are_made_from_the_data(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m bench.drill.page` writes them; what others failed was checked by hand, row by row."""
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("bench", None)
    from bench.drill.page import written

    assert written(page) == page


def test_every_exercise_and_verdict_is_on_the_page(page: str) -> None:
    """By its name."""
    assert all(f"| `{name}` | " in page for name in EXERCISES)
    assert all(f"| {said} | `{verdict}` | " in page for verdict, said in SHOWN.items())

"""docs/limits.md, which is made from the constants of the sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_constants_say(maker: Callable[[str], ModuleType]) -> None:
    """Each with its value, its sentence and its place. Make it anew after a change, as its head says."""
    limits = maker("limits")
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    if (ROOT / "src").exists():
        assert page == limits.page()
    assert "NO SENTENCE" not in page
    assert page.count("\n| ") > 35

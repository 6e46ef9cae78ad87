"""docs/limits.md, which is made from the constants of the sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_constants_say() -> None:
    """Each with its value, its sentence and its place. Make it anew after a change, as its head says."""
    path = Path(__file__).with_name("limits.py")
    spec = importlib.util.spec_from_file_location("limits", path)
    assert spec is not None
    assert spec.loader is not None
    limits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(limits)
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    if (ROOT / "src").exists():
        assert page == limits.page()
    assert "NO SENTENCE" not in page
    assert page.count("\n| ") > 35

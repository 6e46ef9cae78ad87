"""The pictures of a terminal in docs, which terminal.py makes."""

from __future__ import annotations

import html
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.delitem(sys.modules, "terminal", raising=False)
    return importlib.import_module("terminal")


def words(svg: str) -> list[str]:
    """What is written in a picture, but for key ids, dates and numbers, which differ from run to run."""
    parts = [html.unescape(part) for part in re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)]
    return re.sub(r"[\w-]{11,}|\w{8}(?=\.\.\.)|\d+", "#", " ".join(parts)).split()


@pytest.mark.parametrize("name", ["demo", "explain", "refused"])
def test_the_picture_shows_what_is_printed(terminal: ModuleType, name: str) -> None:
    """Draw it again after a change, as the head of terminal.py says."""
    shown = words((ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8"))
    assert len(shown) > 50
    assert shown == words(terminal.picture(name))


def test_a_picture_asks_no_other_host(terminal: ModuleType) -> None:
    """For fonts, say; and it has words for who does not see it."""
    for name in terminal.SESSIONS:
        svg = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
        assert "url(http" not in svg.replace('"', "")
        assert "@font-face" not in svg
        assert "aria-label" in svg

"""docs/path.svg, which is drawn by path.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from rightkey.verifier.explaining import STEPS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(maker: Callable[[str], ModuleType]) -> ModuleType:
    return maker("path")


def test_the_picture_is_what_its_program_draws(path: ModuleType) -> None:
    """Draw it again after a change, as the head of path.py says."""
    assert (ROOT / "docs" / "path.svg").read_text(encoding="utf-8") == path.picture()


def test_the_picture_has_the_steps_that_are_explained(path: ModuleType) -> None:
    """In their order."""
    assert tuple(row.step for row in path.ROWS) == STEPS

"""docs/settings.md, which is made from what each face takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def test_each_setting_can_be_made_everywhere_or_it_is_said_why_not(
    maker: Callable[[str], ModuleType],
) -> None:
    """By variables, options and the gateway's file. Make the page anew after a change, as its head says."""
    settings = maker("settings")
    page = settings.page()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page
    for variable in settings.VARIABLES:
        assert f"`{variable.name}`" in page, "a variable is for no setting that is known"
    assert settings.WHY.keys() <= {*settings.settings(), *settings.WHOLES}

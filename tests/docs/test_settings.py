"""docs/settings.md, which is made from what each face takes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_setting_can_be_made_everywhere_or_it_is_said_why_not() -> None:
    """By variables, options and the gateway's file. Make the page anew after a change, as its head says."""
    path = Path(__file__).with_name("settings.py")
    spec = importlib.util.spec_from_file_location("settings", path)
    assert spec is not None
    assert spec.loader is not None
    settings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings)
    page = settings.page()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page
    for variable in settings.VARIABLES:
        assert f"`{variable.name}`" in page, "a variable is for no setting that is known"
    assert settings.WHY.keys() <= {*settings.settings(), *settings.WHOLES}

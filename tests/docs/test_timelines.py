"""docs/rotation.svg and docs/outage.svg, which timelines.py plays and draws."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def timelines(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for name in ("timelines", "path"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("timelines")


def by_key(record: Any) -> list[list[tuple[float, int]]]:
    """The answers to tokens of each key, in the order in which keys were used."""
    keys = dict.fromkeys(token.key for token in record.tokens)
    return [[(token.minute, token.status) for token in record.tokens if token.key == key] for key in keys]


@pytest.mark.parametrize("name", ["rotation", "outage"])
def test_the_picture_is_what_is_played_and_drawn(timelines: ModuleType, name: str) -> None:
    """Draw it again after a change, as the head of timelines.py says."""
    assert (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8") == timelines.drawn(name)


def test_a_rotation_refuses_no_token_of_a_published_key(timelines: ModuleType) -> None:
    """And a withdrawn key is dropped within the life of the set."""
    record = timelines.played(timelines.rotation, 50)
    first, *others = by_key(record)
    assert len(others) == 2
    assert all(status == 200 for answers in others for _, status in answers)
    assert all(status == 200 for minute, status in first if minute < 35)
    assert {status for minute, status in first if minute >= 45} == {401}
    assert next(fetch.minute for fetch in record.fetches if fetch.forced) == 25


def test_an_outage_refuses_no_token(timelines: ModuleType) -> None:
    """What cannot be judged is 503, and it is over when the issuer is back."""
    first, second = by_key(timelines.played(timelines.outage, 110))
    assert {status for _, status in first + second} == {200, 503}
    assert {status for minute, status in first if minute < 70} == {200}
    assert {status for minute, status in first if 80 <= minute < 95} == {503}
    assert {status for minute, status in second if minute < 95} == {503}
    assert {status for minute, status in first + second if minute > 96} == {200}

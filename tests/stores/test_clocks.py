"""The system's clocks, as stores read them."""

from __future__ import annotations

import time

import pytest

from rightkey.stores import clocks


def test_each_is_looked_up_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What freezes the time, or makes threads green, replaces them after they were imported here."""
    slept: list[float] = []
    monkeypatch.setattr(time, "time", lambda: 1.0)
    monkeypatch.setattr(time, "monotonic", lambda: 2.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    clocks.sleep(3.0)
    assert (clocks.wall(), clocks.monotonic(), slept) == (1.0, 2.0, [3.0])

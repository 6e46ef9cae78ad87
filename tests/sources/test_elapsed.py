"""Elapsed: a clock that no other clock can fool."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from rightkey.sources.elapsed import system_elapsed


class Clocks:
    """A wall clock and a monotonic one."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1.7e9, 50.0

    def elapsed(self) -> Callable[[], float]:
        return system_elapsed(lambda: self.wall, lambda: self.monotonic)


@pytest.mark.parametrize(
    ("wall", "monotonic", "passed"),
    [(10, 10, 10), (3600, 0, 3600), (-3600, 5, 5), (0.5, 0.25, 0.5)],
    ids=["both", "suspended", "set back", "within a second"],
)
def test_what_passed_is_what_the_clock_that_says_more_says(
    wall: float, monotonic: float, passed: float
) -> None:
    """Neither a suspend nor a wall clock that is set stretches the life of a key."""
    clocks = Clocks()
    elapsed = clocks.elapsed()
    clocks.wall += wall
    clocks.monotonic += monotonic
    assert elapsed() == pytest.approx(passed)


def test_it_never_goes_back() -> None:
    """A wall clock set forward and back again leaves what has passed, and both clocks go on from there."""
    clocks = Clocks()
    elapsed = clocks.elapsed()
    clocks.wall += 0.9
    assert elapsed() == pytest.approx(0.9)
    clocks.wall -= 0.9
    assert elapsed() == pytest.approx(0.9)
    for _ in range(5):
        clocks.wall += 2
        clocks.monotonic += 2
        before = elapsed()
    assert before == pytest.approx(10, abs=1)


def test_it_goes_on_where_both_clocks_went_back() -> None:
    """As where a test freezes the time and lets go of it again. It must not stand still until they catch
    up."""
    clocks = Clocks()
    elapsed = clocks.elapsed()
    clocks.wall += 1e9
    clocks.monotonic += 1e9
    assert elapsed() == pytest.approx(1e9)
    clocks.wall -= 1e9
    clocks.monotonic -= 1e9
    assert elapsed() == pytest.approx(1e9)
    clocks.wall += 600
    clocks.monotonic += 600
    assert elapsed() == pytest.approx(1e9 + 600)


def test_the_systems_clocks_are_looked_up_when_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that freezes the time replaces them after they were imported here."""
    elapsed = system_elapsed()
    before = elapsed()
    frozen = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: frozen)
    assert elapsed() - before == pytest.approx(3600, abs=60)

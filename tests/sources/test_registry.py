"""The registry: who shares what, what is kept, and a clock that no clock can fool."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from rightkey.exchange import Request, Response
from rightkey.freshness.refresh import Place
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import Issuer
from rightkey.sources.elapsed import system_elapsed
from rightkey.sources.registry import Registry


class Nowhere:
    """A transport that nobody asks."""

    def get(self, request: Request, /) -> Response:
        raise AssertionError(request.url)


class Unhashable(Nowhere):
    """One that cannot be hashed."""

    __hash__ = None  # type: ignore[assignment]


def place(name: str = "issuer.example") -> Place:
    return Place(name, Issuer.parse(name))


TRANSPORT, FRESHNESS = Nowhere(), Freshness()


def clock() -> Callable[[], float]:
    return lambda: 1000.0


def test_the_same_settings_share_an_entry() -> None:
    """So that a verifier built for each request still caches."""
    registry, elapsed = Registry(), clock()
    one = registry.remote(place(), TRANSPORT, FRESHNESS, elapsed)
    assert registry.remote(place(), TRANSPORT, Freshness(), elapsed) is one


@pytest.mark.parametrize(
    "other",
    [
        (place("https://issuer.example"), TRANSPORT, FRESHNESS, None),
        (place(), Nowhere(), FRESHNESS, None),
        (place(), TRANSPORT, Freshness(life=700), None),
        (place(), TRANSPORT, FRESHNESS, clock()),
    ],
    ids=["place", "transport", "freshness", "elapsed"],
)
def test_what_differs_shares_nothing(other: Any) -> None:
    """Not the place, the transport, the freshness nor the clock may be mistaken for another."""
    registry = Registry()
    one = registry.remote(place(), TRANSPORT, FRESHNESS, None)
    assert registry.remote(*other) is not one


def test_a_transport_that_cannot_be_hashed_counts_as_itself() -> None:
    """By identity."""
    registry, transport = Registry(), Unhashable()
    one = registry.remote(place(), transport, FRESHNESS, None)
    assert registry.remote(place(), transport, FRESHNESS, None) is one
    assert registry.remote(place(), Unhashable(), FRESHNESS, None) is not one


def test_entries_that_nobody_uses_are_bounded_and_used_ones_stay() -> None:
    """The least recently used goes first; what a verifier holds stays whatever comes."""
    registry, elapsed = Registry(most=2), clock()
    pinned = registry.remote(place("pinned.example"), TRANSPORT, FRESHNESS, elapsed)
    for n in range(5):
        registry.remote(place(f"host{n}.example"), TRANSPORT, FRESHNESS, elapsed)
    gc.collect()
    assert len(registry._recent) == 2
    assert registry.remote(place("pinned.example"), TRANSPORT, FRESHNESS, elapsed) is pinned


def test_letting_go_never_refills_a_budget() -> None:
    """An entry whose budget is not full is kept, so that nobody gains by crowding it out."""
    registry, elapsed = Registry(most=1), clock()
    spent = registry.remote(place("spent.example"), TRANSPORT, FRESHNESS, elapsed)
    spent._cache._draws.draw(1000.0, may_take_last=True)
    registry.remote(place("other.example"), TRANSPORT, FRESHNESS, elapsed)
    assert spent in registry._recent.values()


def test_distrust_outlives_entries_and_reaches_those_to_come() -> None:
    """A name that is distrusted is so for the life of the process."""
    registry = Registry()
    now = registry.remote(place(), TRANSPORT, FRESHNESS, clock())
    registry.distrust(place(), "kid")
    later = registry.remote(place(), TRANSPORT, FRESHNESS, clock())
    elsewhere = registry.remote(place("other.example"), TRANSPORT, FRESHNESS, clock())
    assert [entry._cache._distrusted.distrusted for entry in (now, later, elsewhere)] == [
        {"kid"},
        {"kid"},
        set(),
    ]


def test_a_forked_child_draws_its_moments_anew() -> None:
    """An entry without keys has none to draw."""
    registry = Registry()
    registry.remote(place(), TRANSPORT, FRESHNESS, clock())
    registry.spread()


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

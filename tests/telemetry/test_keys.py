"""Keys: how the keys of each issuer are, at the moment of asking."""

from __future__ import annotations

from dataclasses import replace

from rightkey import Status
from rightkey.events import KeysFetched, ServedStale
from rightkey.telemetry.keys import Gauges, Keys
from rightkey.telemetry.labels import Labels

STATUS = Status(
    issuer="a",
    keys=2,
    age=30.0,
    fresh_for=570.0,
    stale_for=4170.0,
    refresh_in=480.0,
    next_attempt_in=0.0,
    draws=2,
    next_draw_in=0.0,
    forced_backoff=0.0,
    metadata_age=30.0,
    revoked_key_bound=4170.0,
    moved_key_bound=None,
    last_failure=None,
)
FETCHED = KeysFetched("a", 2, 0, False, "sha256:00")


class World:
    """Statuses and a clock that a test sets."""

    def __init__(self, *statuses: Status) -> None:
        self.statuses, self.now = list(statuses), 0.0
        self.labels = Labels(2)
        self.labels.of("a")
        self.keys = Keys(self.labels, lambda: self.statuses, lambda: self.now)


def test_an_issuer_is_told_by_its_status_and_what_was_heard() -> None:
    """The hash comes with the keys."""
    world = World(STATUS)
    world.keys.hear(FETCHED)
    assert list(world.keys.gauges()) == [Gauges("a", 2, "sha256:00", 30.0, 570.0, 4170.0, 0.0, 2)]


def test_stale_seconds_count_from_the_first_failure_to_the_next_answer() -> None:
    """An idle service, whose keys are past their life since no token came, serves nothing stale."""
    world = World(replace(STATUS, fresh_for=0.0))
    world.keys.hear(FETCHED)
    seen = []
    for now, event in (
        (0, None),
        (10, ServedStale("a", 3600.0)),
        (40, ServedStale("a", 3570.0)),
        (50, FETCHED),
    ):
        world.now = now
        if event is not None:
            world.keys.hear(event)
        world.now += 5
        seen.append([one.stale for one in world.keys.gauges()])
    assert seen == [[0.0], [5.0], [35.0], [0.0]]


def test_the_worst_of_several_counts() -> None:
    """Two verifiers of one issuer may hold its keys under settings of their own."""
    world = World(STATUS, replace(STATUS, stale_for=12.0, draws=0), STATUS)
    assert [(one.usable, one.draws) for one in world.keys.gauges()] == [(12.0, 0)]


def test_of_others_and_of_what_was_never_fetched_nothing_is_told() -> None:
    """There is nothing to say, and no room for it."""
    world = World(replace(STATUS, issuer="c"), replace(STATUS, age=None))
    world.keys.hear(replace(FETCHED, issuer="c"))
    assert list(world.keys.gauges()) == []


def test_what_is_gone_is_zero() -> None:
    """Not missing: an alarm needs a number."""
    gone = replace(STATUS, keys=0, fresh_for=0.0, stale_for=0.0)
    assert [(one.keys, one.fresh, one.usable) for one in World(gone).keys.gauges()] == [(0, 0.0, 0.0)]


def test_by_default_it_asks_what_the_process_fetches() -> None:
    """Whichever verifiers there are."""
    assert list(Keys(Labels(0)).gauges()) == []

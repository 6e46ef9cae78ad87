"""Throttle: a flood of one kind is told once a second, with how many there were."""

from __future__ import annotations

import threading
from contextlib import nullcontext

from rightkey.telemetry.throttle import MAX_KINDS, Throttle


def test_the_first_passes_and_a_second_later_the_next_with_how_many() -> None:
    """What is held back is counted, and told with what passes."""
    throttle = Throttle(nullcontext())
    assert [throttle.passes("a", now) for now in (0.0, 0.1, 0.9, 1.0, 1.5, 60.0)] == [1, 0, 0, 3, 0, 2]


def test_kinds_do_not_hold_each_other_back() -> None:
    """A flood of one does not hide another."""
    throttle = Throttle(nullcontext())
    assert [throttle.passes(kind, 0.0) for kind in "aaba"] == [1, 0, 1, 0]


def test_each_may_stand_for_several() -> None:
    """Held back or not."""
    throttle = Throttle(nullcontext())
    assert [throttle.passes("a", now, count) for now, count in ((0, 5), (0.5, 70), (0.6, 1), (2, 3))] == [
        5,
        0,
        0,
        74,
    ]


def test_a_clock_that_reads_less_is_another_clock() -> None:
    """It is not held back until that of before is reached."""
    throttle = Throttle(nullcontext())
    assert [throttle.passes("a", now) for now in (1_000_000.0, 5.0, 5.5)] == [1, 1, 0]


def test_kinds_are_bounded() -> None:
    """The oldest is forgotten, and passes once more."""
    throttle = Throttle(nullcontext())
    for kind in range(MAX_KINDS + 1):
        throttle.passes(kind, 0.0)
    assert throttle.passes(0, 0.5) == 1
    assert throttle.passes(MAX_KINDS, 0.5) == 0


def test_nothing_is_lost_between_threads() -> None:
    """However many flood at once: what passes accounts for all of them."""
    throttle, passed = Throttle(threading.Lock()), []

    def flood() -> None:
        passed.extend(throttle.passes("a", 0.0) for _ in range(2_000))

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) + throttle.passes("a", 1e9) == 8_001


class Overtaken:
    """A lock that another thread takes first, and uses to let one pass."""

    def __init__(self) -> None:
        self.throttle: Throttle | None = None

    def __enter__(self) -> None:
        if self.throttle is not None:
            throttle, self.throttle = self.throttle, None
            assert throttle.passes("a", 10.0) == 2

    def __exit__(self, *_: object) -> None: ...


def test_of_two_at_once_one_passes() -> None:
    """The other finds, once it has the lock, that it is held back."""
    lock = Overtaken()
    throttle = Throttle(lock)
    throttle.passes("a", 0.0)
    lock.throttle = throttle
    assert throttle.passes("a", 10.0) == 0

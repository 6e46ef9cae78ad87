"""Budget: how often an issuer may be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.freshness.budget import MAX_SETTLED, Backoff, Draws, Settled


def draws() -> Draws:
    return Draws(2.0, 10.0)


def spent(level: float = 0.0) -> Draws:
    budget = draws()
    budget.level = level
    return budget


def test_backoff_doubles_from_one_second_to_sixty() -> None:
    """1, 2, 4, ... 60, 60, at the full jitter."""
    backoff = Backoff()
    pauses = []
    for _ in range(9):
        backoff.failed(0.0, 1.0)
        pauses.append(backoff.left(0.0))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.floats(0, 1), st.integers(0, 200))
def test_backoff_is_jittered_between_half_and_whole(jitter: float, failures: int) -> None:
    """So that the processes of a service do not come back all at once."""
    backoff = Backoff(failures=failures)
    backoff.failed(100.0, jitter)
    whole = min(60.0, 2.0 ** min(failures, 10))
    assert whole / 2 <= backoff.left(100.0) <= whole


@pytest.mark.parametrize(("asked", "pause"), [(0, 1), (0.2, 1), (30, 30), (300, 300), (86400, 300)])
def test_retry_after_is_honoured_from_one_second_to_five_minutes(asked: float, pause: float) -> None:
    """A longer one would be an outage made by a header."""
    backoff = Backoff()
    backoff.failed(0.0, 0.0, asked)
    assert backoff.left(0.0) == pause


def test_retry_after_never_shortens_the_backoff() -> None:
    """The longer of the two counts."""
    backoff = Backoff(failures=6)
    backoff.failed(0.0, 1.0, 1)
    assert backoff.left(0.0) == 60


def test_backoff_runs_out_and_a_success_ends_it() -> None:
    """Nothing is left afterwards, and the next failure begins with a second again."""
    backoff = Backoff(failures=6)
    backoff.failed(0.0, 1.0)
    assert (backoff.left(59.0), backoff.left(61.0)) == (1.0, 0.0)
    backoff.succeeded()
    assert backoff.left(0.0) == 0.0
    backoff.failed(0.0, 1.0)
    assert backoff.left(0.0) == 1.0


def test_two_draws_at_once_and_one_more_every_ten_seconds() -> None:
    """And never more than two, however long it was quiet."""
    budget = draws()
    assert [budget.draw(0.0, may_take_last=True) for _ in range(3)] == [True, True, False]
    assert budget.left(0.0) == 10.0
    assert not budget.draw(9.9, may_take_last=True)
    assert budget.draw(10.0, may_take_last=True)
    assert [budget.draw(1000.0, may_take_last=True) for _ in range(3)] == [True, True, False]
    assert budget.left(1030.0) == 0.0


def test_the_last_draw_is_kept() -> None:
    """For whoever may be the first of a rotation."""
    budget = draws()
    assert [budget.draw(0.0, may_take_last=False) for _ in range(2)] == [True, False]
    assert budget.draw(0.0, may_take_last=True)


def test_time_that_goes_back_refills_nothing_and_takes_nothing() -> None:
    """`elapsed` never does; if it did, nobody would gain by it."""
    budget = spent(1.0)
    budget.refill(100.0)
    budget.refill(50.0)
    assert budget.level == 2.0


def test_the_refill_slows_after_three_barren_refetches() -> None:
    """10 s, until three in a row brought nothing new; then 20, 40, 60, 60 s."""
    budget = draws()
    intervals = []
    for _ in range(7):
        budget.answered(0.0, new=False)
        intervals.append(budget.interval)
    assert intervals == [10, 10, 20, 40, 60, 60, 60]


def test_a_new_key_ends_the_slowness() -> None:
    """What was refilled slowly until then stays as it is."""
    budget = spent()
    for _ in range(5):
        budget.answered(0.0, new=False)
    budget.answered(30.0, new=True)
    assert budget.interval == 10
    assert budget.level == pytest.approx(0.5)


def test_ten_quiet_minutes_end_the_slowness() -> None:
    """Counted from the last barren refetch."""
    budget = spent()
    for now in (0.0, 1.0, 2.0, 3.0, 4.0):
        budget.answered(now, new=False)
    budget.refill(603.0)
    assert budget.interval == 60
    budget.refill(604.0)
    assert budget.interval == 10


def test_an_interval_that_was_set_long_is_never_shortened() -> None:
    """The slow-down ends at a minute, or at the setting."""
    budget = Draws(2.0, 300.0)
    for _ in range(9):
        budget.answered(0.0, new=False)
    assert budget.interval == 300


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.booleans()), max_size=60))
def test_never_more_than_two_and_a_tenth_of_the_seconds(steps: list[tuple[float, bool, bool]]) -> None:
    """In no window, whatever is asked and whatever comes of it."""
    budget, now, taken = draws(), 0.0, []
    for pause, last, new in steps:
        now += pause
        if budget.draw(now, may_take_last=last):
            taken.append(now)
            budget.answered(now, new=new)
    for i, begin in enumerate(taken):
        for count, end in enumerate(taken[i:], 1):
            assert count <= 2 + (end - begin) / 10 + 1e-6


def test_a_settled_question_may_be_asked_again_later_and_later() -> None:
    """After 10, 20, 40, 60, 60 s."""
    settled, now = Settled(), 0.0
    for pause in (10, 20, 40, 60, 60):
        settled.settle(b"q", now)
        assert settled.holds(b"q", now + pause - 0.1)
        assert not settled.holds(b"q", now + pause)
        now += pause
    assert b"q" in settled


def test_many_who_ask_at_once_ask_once() -> None:
    """A hundred callers of one new key do not make its next chance come later."""
    settled = Settled()
    for _ in range(100):
        settled.settle(b"q", 5.0)
    assert not settled.holds(b"q", 15.0)


def test_what_was_not_asked_is_not_settled() -> None:
    """And what was is forgotten when the set changes."""
    settled = Settled()
    assert not settled.holds(b"q", 0.0)
    assert b"q" not in settled
    settled.settle(b"q", 0.0)
    settled.clear()
    assert not settled.holds(b"q", 0.0)


def test_the_memory_is_bounded_and_the_oldest_goes_first() -> None:
    """1,024 questions; a flood of strangers' headers costs no more."""
    settled = Settled()
    for number in range(MAX_SETTLED + 10):
        settled.settle(b"%d" % number, 0.0)
    assert len(settled.again) == MAX_SETTLED
    assert b"9" not in settled
    assert b"10" in settled

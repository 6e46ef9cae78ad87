"""Budget: how often an issuer may be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey import Freshness
from rightkey.freshness.budget import MAX_SETTLED, Backoff, Draws, Settled, draw, give_back

LIMITS = Freshness()


class Account:
    """A budget by the default limits: two draws, one more per 10 s."""

    def __init__(self, level: float = 2.0, limits: Freshness = LIMITS) -> None:
        self.draws, self.limits = Draws(spent=limits.draws - level), limits

    def draw(self, now: float, *, may_take_last: bool) -> bool:
        return draw((self.draws,), now, self.limits, may_take_last=may_take_last)

    def answered(self, now: float, *, new: bool) -> None:
        self.draws.answered(now, self.limits, new=new)

    def level(self, now: float) -> float:
        return self.draws.level(now, self.limits)

    def left(self, now: float) -> float:
        return self.draws.left(now, self.limits)

    @property
    def interval(self) -> float:
        return self.draws.interval(self.limits)


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
    budget = Account()
    assert [budget.draw(0.0, may_take_last=True) for _ in range(3)] == [True, True, False]
    assert budget.left(0.0) == 10.0
    assert not budget.draw(9.9, may_take_last=True)
    assert budget.draw(10.0, may_take_last=True)
    assert [budget.draw(1000.0, may_take_last=True) for _ in range(3)] == [True, True, False]
    assert budget.left(1030.0) == 0.0


def test_the_last_draw_is_kept() -> None:
    """For the token that may be the first of a rotation."""
    budget = Account()
    assert [budget.draw(0.0, may_take_last=False) for _ in range(2)] == [True, False]
    assert budget.draw(0.0, may_take_last=True)


def test_time_that_goes_back_refills_nothing_and_takes_nothing() -> None:
    """`elapsed` never does; if it did, nothing would be gained by it."""
    budget = Account(1.0)
    assert budget.level(100.0) == 2.0
    assert budget.level(50.0) == 2.0
    assert budget.draw(50.0, may_take_last=True)
    assert budget.level(100.0) == 1.0


def test_the_refill_slows_after_three_barren_refetches() -> None:
    """10 s, until three in a row brought nothing new; then 20 s, which a genuine rotation waits at worst."""
    budget = Account()
    intervals = []
    for _ in range(7):
        budget.answered(0.0, new=False)
        intervals.append(budget.interval)
    assert intervals == [10, 10, 20, 20, 20, 20, 20]


def test_a_new_key_ends_the_slowness() -> None:
    """What was refilled slowly until then stays as it is."""
    budget = Account(0.0)
    for _ in range(5):
        budget.answered(0.0, new=False)
    budget.answered(30.0, new=True)
    assert budget.interval == 10
    assert budget.level(30.0) == pytest.approx(1.5)


def test_ten_quiet_minutes_end_the_slowness() -> None:
    """Counted from the last barren refetch."""
    budget = Account(0.0)
    for now in (0.0, 1.0, 2.0, 3.0, 4.0):
        budget.answered(now, new=False)
    budget.level(603.0)
    assert budget.interval == 20
    budget.level(604.0)
    assert budget.interval == 10


def test_an_interval_that_was_set_long_is_never_shortened() -> None:
    """The slow-down ends at 20 s, or at the setting."""
    budget = Account(limits=Freshness(draw_every=300.0))
    for _ in range(9):
        budget.answered(0.0, new=False)
    assert budget.interval == 300


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.booleans()), max_size=60))
def test_never_more_than_two_and_a_tenth_of_the_seconds(steps: list[tuple[float, bool, bool]]) -> None:
    """In no window, whatever is asked and whatever comes of it."""
    budget, now, taken = Account(), 0.0, []
    for pause, last, new in steps:
        now += pause
        if budget.draw(now, may_take_last=last):
            taken.append(now)
            budget.answered(now, new=new)
    for i, begin in enumerate(taken):
        for count, end in enumerate(taken[i:], 1):
            assert count <= 2 + (end - begin) / 10 + 1e-6


def test_a_settled_question_may_be_asked_again_later_and_later() -> None:
    """After 10 s, and from then on after 20 s."""
    settled, now = Settled(), 0.0
    for pause in (10, 20, 20, 20):
        settled.settle(b"q", now)
        assert settled.left(b"q", now + pause - 0.1) > 0
        assert settled.left(b"q", now + pause) == 0
        now += pause
    assert b"q" in settled


def test_many_who_ask_at_once_ask_once() -> None:
    """A hundred callers of one new key do not make its next chance come later."""
    settled = Settled()
    for _ in range(100):
        settled.settle(b"q", 5.0)
    assert settled.left(b"q", 15.0) == 0


def test_what_was_not_asked_is_not_settled() -> None:
    """And what was is forgotten when the set changes."""
    settled = Settled()
    assert settled.left(b"q", 0.0) == 0
    assert b"q" not in settled
    settled.settle(b"q", 0.0)
    settled.clear()
    assert settled.left(b"q", 0.0) == 0


def test_the_memory_is_bounded_and_the_oldest_goes_first() -> None:
    """1,024 questions; a flood of strangers' headers costs no more."""
    settled = Settled()
    for number in range(MAX_SETTLED + 10):
        settled.settle(b"%d" % number, 0.0)
    assert len(settled.again) == MAX_SETTLED
    assert b"9" not in settled
    assert b"10" in settled


def test_a_draw_is_taken_from_every_account_or_from_none() -> None:
    """The issuer's and the place's: many names may lead to one place, and many places belong to one name."""
    issuer, place = Draws(), Draws(spent=1.0)
    assert draw((issuer, place), 0.0, LIMITS, may_take_last=True)
    assert not draw((issuer, place), 0.0, LIMITS, may_take_last=True)
    assert (issuer.spent, place.spent) == (1.0, 2.0)
    give_back((issuer, place))
    assert (issuer.spent, place.spent) == (0.0, 1.0)


def test_an_account_that_counts_twice_is_charged_once() -> None:
    """An issuer may be named by the URL of its keys."""
    account = Draws()
    assert draw((account, account), 0.0, LIMITS, may_take_last=True)
    assert account.spent == 1.0


def test_verifiers_with_limits_of_their_own_share_what_was_spent() -> None:
    """A second verifier of the issuer, with other settings, does not begin with a full budget."""
    shared, lavish = Draws(), Freshness(draws=4)
    assert [draw((shared,), 0.0, LIMITS, may_take_last=True) for _ in range(3)] == [True, True, False]
    assert [draw((shared,), 0.0, lavish, may_take_last=True) for _ in range(3)] == [True, True, False]


def test_what_may_be_forgotten_is_as_new() -> None:
    """An account that was drawn from must not come back full."""
    account = Account()
    assert account.draws.as_new
    account.draw(0.0, may_take_last=True)
    assert not account.draws.as_new
    account.level(10.0)
    assert account.draws.as_new
    account.answered(10.0, new=False)
    assert not account.draws.as_new


def test_how_long_two_draws_take_is_told() -> None:
    """What may not take the last one must wait for the second, and be told so."""
    account = Account(0.5)
    assert account.left(0.0) == 5.0
    assert account.draws.left(0.0, LIMITS, 2.0) == 15.0


def test_the_refill_doubles_up_to_twenty_seconds() -> None:
    """Where it is quicker to begin with, it takes longer to get there."""
    draws, limits, intervals = Draws(), Freshness(draw_every=1), list[float]()
    for _ in range(8):
        intervals.append(draws.interval(limits))
        draws.answered(0.0, limits, new=False)
    assert intervals == [1, 1, 1, 2, 4, 8, 16, 20]
    draws.level(600.0, limits)
    assert draws.as_new

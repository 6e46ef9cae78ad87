"""Replays: a proof passes once, also where there is no room to remember it."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as some

from rightkey.proof.replays import MAX_USED, Replays, used


def test_a_mark_is_seen_once() -> None:
    """Whatever time comes with it."""
    seen = Replays(threading.Lock())
    assert [
        seen.first(mark, until) for mark, until in ((b"a", 1.0), (b"a", 1.0), (b"a", 2.0), (b"b", 1.0))
    ] == [*(True, False, False, True)]


def test_what_is_forgotten_does_not_pass_again() -> None:
    """Nor anything that ends sooner: the window shrinks."""
    seen = Replays(threading.Lock(), most=2)
    assert all(seen.first(mark, until) for mark, until in ((b"a", 1.0), (b"c", 3.0), (b"b", 2.0)))
    assert len(seen) == 2
    uses = ((b"a", 1.0), (b"new", 0.9), (b"b", 2.0), (b"late", 9.0), (b"b", 2.0), (b"c", 3.0))
    assert [seen.first(*use) for use in uses] == [False, False, False, True, False, False]


@given(some.lists(some.tuples(some.integers(0, 40), some.integers(0, 9)), max_size=200), some.integers(1, 8))
def test_none_is_first_twice(uses: list[tuple[int, int]], most: int) -> None:
    """In any order of uses, and however little is remembered. One that is refused unseen has so many that end
    later, or as soon. (A proof always ends at the same time.)"""
    seen, ends, accepted = Replays(threading.Lock(), most=most), dict[bytes, float](), set[bytes]()
    for number, until in uses:
        mark = b"%d" % number
        ends.setdefault(mark, float(until))
        if seen.first(mark, ends[mark]):
            assert mark not in accepted
            accepted.add(mark)
        elif mark not in accepted:
            assert sum(ends[one] >= ends[mark] for one in accepted) >= most
        assert len(seen) <= most


def test_of_many_threads_one_is_the_first() -> None:
    """Each of 200 marks, which 64 threads use at once."""
    seen, marks = Replays(threading.Lock()), [b"%d" % number for number in range(200)]

    def use(seed: int) -> int:
        return sum(seen.first(mark, 1.0) for mark in random.Random(seed).sample(marks, len(marks)))

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(use, range(64))) == len(marks)


def test_a_mark_is_of_its_key_and_its_jti() -> None:
    """One client cannot use up what is another's; nothing of either is kept as it is."""
    marks = {used(jkt, jti, 5.0)[0] for jkt in ("a" * 43, "b" * 43) for jti in ("1", "2", "é")}
    assert len(marks) == 6
    assert {len(mark) for mark in marks} == {32}
    assert used("a" * 43, "1", 5.0)[1] == 5.0


def test_there_is_room_for_a_busy_service() -> None:
    """200 requests a second for all of five minutes."""
    assert MAX_USED > 200 * 300

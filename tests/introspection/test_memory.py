"""What issuers have answered: for how long, and how much of it."""

from __future__ import annotations

from rightkey.introspection.memory import MAX_ACTIVE, MAX_ACTIVE_BYTES, MAX_INACTIVE, UNKNOWN, Answers


def digest(number: int) -> bytes:
    return number.to_bytes(32)


def test_an_answer_counts_until_its_time_and_is_the_callers_own() -> None:
    answers = Answers()
    answers.keep(digest(1), {"a": {"b": 1}}, 10.0, 20)
    told = answers.recall(digest(1), 9.9)
    assert told == {"a": {"b": 1}}
    told["a"]["b"] = 2  # type: ignore[index]
    assert answers.recall(digest(1), 9.9) == {"a": {"b": 1}}
    assert answers.recall(digest(1), 10.0) is UNKNOWN
    assert answers.recall(digest(2), 0.0) is UNKNOWN


def test_a_token_that_is_not_active_is_told_from_one_that_is_not_known() -> None:
    answers = Answers()
    answers.keep(digest(1), None, 2.0, 20)
    assert answers.recall(digest(1), 1.9) is None
    assert answers.recall(digest(1), 2.0) is UNKNOWN
    assert not answers.was_active(digest(1))


def test_the_later_answer_counts() -> None:
    """A revoked token is not active any more, and one that became active is."""
    answers = Answers()
    answers.keep(digest(1), {}, 30.0, 2)
    assert answers.was_active(digest(1))
    answers.keep(digest(1), None, 30.0, 2)
    assert answers.recall(digest(1), 1.0) is None
    assert not answers.was_active(digest(1))
    answers.keep(digest(1), {}, 30.0, 2)
    assert answers.recall(digest(1), 1.0) == {}


def test_a_token_stays_known_as_active_past_the_life_of_its_answer() -> None:
    answers = Answers()
    answers.keep(digest(1), {}, 30.0, 2)
    assert answers.recall(digest(1), 31.0) is UNKNOWN
    assert answers.was_active(digest(1))


def test_garbage_pushes_out_garbage_alone() -> None:
    answers = Answers()
    answers.keep(digest(0), {}, 30.0, 2)
    for number in range(1, MAX_INACTIVE + 2):
        answers.keep(digest(number), None, 30.0, 2)
    assert answers.recall(digest(1), 0.0) is UNKNOWN
    assert answers.recall(digest(2), 0.0) is None
    assert answers.recall(digest(0), 0.0) == {}


def test_count_and_bytes_are_bounded() -> None:
    answers = Answers()
    for number in range(MAX_ACTIVE + 1):
        answers.keep(digest(number), {}, 30.0, 2)
    assert answers.recall(digest(0), 0.0) is UNKNOWN
    assert answers.recall(digest(1), 0.0) == {}
    answers.keep(digest(9999), {}, 30.0, MAX_ACTIVE_BYTES)
    assert answers.recall(digest(MAX_ACTIVE), 0.0) is UNKNOWN
    assert answers.recall(digest(9999), 0.0) == {}
    answers.keep(digest(9999), {}, 30.0, 2)  # its own bytes are counted once
    answers.keep(digest(1), {}, 30.0, MAX_ACTIVE_BYTES - 2)
    assert answers.recall(digest(9999), 0.0) == {}


def test_a_token_whose_answer_cannot_be_used_is_left_alone_for_a_while() -> None:
    """It alone; and strangers do not choose how many are remembered."""
    answers = Answers()
    answers.pause(b"a", 11.0)
    assert [answers.pause_left(b"a", now) for now in (10.0, 11.0, 12.0)] == [1.0, 0.0, 0.0]
    assert answers.pause_left(b"b", 10.0) == 0.0
    for number in range(MAX_INACTIVE):
        answers.pause(b"%d" % number, 11.0)
    assert answers.pause_left(b"a", 10.0) == 0.0

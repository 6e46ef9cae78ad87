"""The suite: what each row says, who demands it, and what fits a pattern."""

from __future__ import annotations

import re

import pytest

from rightkey.drill import EXERCISES, Exercise
from rightkey.drill.exercises import chosen
from rightkey.localissuer import ATTACKS

AUTHORITY = re.compile(r"RFC \d{4}, \d+(\.\d+)*|CVE-\d{4}-\d{4,}")
ADVICE = {
    "attack: crit-empty",
    "attack: b64-false-uncritical",
    "set: kid twice",
    "same kid, other key",
    "key: with another's certificate",
    "key: private",
    "outage",
    "hang",
    "cold start",
    "outage at the start",
}
"""No RFC asks these of a verifier."""


@pytest.mark.parametrize("name", EXERCISES)
def test_a_row_says_what_is_expected_who_says_so_why_and_what_to_do(name: str) -> None:
    """In words that stand on a line of a card; what is a must names an RFC's section or a CVE."""
    exercise = EXERCISES[name]
    told = (exercise.expected, exercise.reference, exercise.why, exercise.remedy)
    assert all(told)
    assert not any(text.endswith(".") or "\n" in text for text in told)
    if exercise.kind != "advice":
        assert AUTHORITY.search(exercise.reference), exercise.reference


def test_no_two_rows_expect_the_same() -> None:
    """A row alone says what was sent, or what the issuer did."""
    assert len({exercise.expected for exercise in EXERCISES.values()}) == len(EXERCISES)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_of_the_local_issuer_is_played(name: str) -> None:
    """By its own name."""
    assert f"attack: {name}" in EXERCISES


def test_what_no_rfc_asks_for_is_advice() -> None:
    """And what RFC 9068 asks of access tokens is advice to others."""
    assert {EXERCISES[name].kind for name in ADVICE} == {"advice"}
    no_exp: Exercise = EXERCISES["claims: no exp"]
    assert (no_exp.kind_for(strict=True), no_exp.kind_for(strict=False)) == ("must", "advice")
    assert EXERCISES["tokens"].kind_for(strict=False) == "must"


def test_patterns_choose_in_the_order_of_the_suite() -> None:
    """Names, and patterns of the shell; what is skipped is left out."""
    assert chosen(["garbage:*", "tokens"], ["garbage: [!e]*"]) == ["tokens", "garbage: empty"]
    assert chosen() == list(EXERCISES)
    assert "attack: expired" not in chosen(skip=["attack:*"])


@pytest.mark.parametrize(
    ("only", "skip", "said"),
    [
        (["attack"], [], r"no exercise fits 'attack'; did you mean 'attack:\*'\?"),
        (["outages"], [], "did you mean 'outage'"),
        (["nothing at all"], [], "no exercise fits 'nothing at all'$"),
        ([], ["flod"], "did you mean 'flood'"),
        (["tokens"], ["*"], "no exercise is left to play"),
    ],
)
def test_a_pattern_that_fits_nothing_is_an_error(only: list[str], skip: list[str], said: str) -> None:
    """With what may have been meant, in one line."""
    with pytest.raises(ValueError, match=said):
        chosen(only, skip)

"""Calls: what one call may ask."""

from __future__ import annotations

from typing import Any

import pytest

from rightkey import Presented
from rightkey.errors import Misconfigured
from rightkey.verdict.attempt import NO_DEMANDS
from rightkey.verifier.calls import demands_of


def test_a_call_that_asks_nothing_is_known_by_the_object() -> None:
    """So that the warm path compares no values."""
    for nothing in ({}, {"require": ()}, {"require": []}, {"nonce": None, "max_age": None}):
        assert demands_of(nothing) is NO_DEMANDS


def test_what_is_asked_is_read() -> None:
    """A requirement, and what ID tokens must fit."""
    demands = demands_of({"require": "read:x", "nonce": "n"})
    assert demands.require is not None
    assert (demands.nonce, demands.judged_with_claims) == ("n", True)
    assert not demands_of({"require": "read:x"}).judged_with_claims


def test_what_is_presented_is_demanded() -> None:
    """Alone, and beside other options."""
    shown = Presented("DPoP", "GET", "/a", ["proof"])
    assert demands_of({"presented": shown}).presented is shown
    both = demands_of({"presented": shown, "nonce": "n"})
    assert (both.presented, both.nonce, both.of_claims) == (shown, "n", True)
    assert demands_of({"presented": None}) is NO_DEMANDS


def test_an_option_that_does_not_exist_is_a_type_error() -> None:
    """As for any function, and by the name that the caller knows."""
    with pytest.raises(TypeError, match=r"verify\(\) got an unexpected keyword argument 'nonse'"):
        demands_of({"nonse": "n"})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("nonce", value) for value in (5, b"n", ["n"])),
        *(("access_token", value) for value in (5, b"token")),
        *(("presented", value) for value in ("DPoP", {"scheme": "DPoP"}, 5)),
        *(("max_age", value) for value in ("5", True, -1, float("nan"), float("inf"), 10**400)),
    ],
)
def test_a_value_that_cannot_be_compared_is_refused(option: str, value: Any) -> None:
    """It must not pass, as everything would that is older than NaN, nor raise what is no error of ours."""
    with pytest.raises(Misconfigured, match=option) as caught:
        demands_of({option: value})
    assert repr(value) not in str(caught.value)

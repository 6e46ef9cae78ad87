"""Freshness: the settings, and which of them are refused."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from rightkey import Freshness, Misconfigured


def test_the_defaults_are_those_of_the_design() -> None:
    """Every number a reader of the design may rely on."""
    assert {field.name: getattr(Freshness(), field.name) for field in fields(Freshness)} == {
        "life": 600,
        "min_life": 300,
        "max_life": 3600,
        "stale_if_error": 3600,
        "min_stale": 600,
        "metadata_life": 3600,
        "metadata_stale": 86400,
        "metadata_recheck": 600,
        "connect_timeout": 2,
        "timeout": 4,
        "max_body": 512 * 1024,
        "wait": 8,
        "waiting_threads": 16,
        "jobs": 32,
        "draws": 2,
        "draw_every": 10,
        "grace": None,
    }


@pytest.mark.parametrize("name", [field.name for field in fields(Freshness)])
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, 10**400, "600", None, True], ids=lambda value: str(value)[:9]
)
def test_a_setting_is_a_number_and_positive(name: str, value: object) -> None:
    """What is none is refused when the settings are made, with the setting's name."""
    if name == "grace" and value is None:
        return  # it is left open
    with pytest.raises(Misconfigured, match=name):
        Freshness(**{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(Freshness)])
def test_zero_turns_off_what_can_be_turned_off(name: str) -> None:
    """Serving stale and forced refetches can; a life of nothing cannot."""
    if name in ("stale_if_error", "min_stale", "draws", "grace"):
        assert getattr(Freshness(**{name: 0}), name) == 0
    else:
        with pytest.raises(Misconfigured, match=name):
            Freshness(**{name: 0})


@pytest.mark.parametrize("name", ["max_body", "waiting_threads", "jobs", "draws"])
def test_what_is_counted_is_whole(name: str) -> None:
    """Half a place in line is a mistake, and is told when the settings are made."""
    with pytest.raises(Misconfigured, match=f"{name} must be a whole number, not 2.5"):
        Freshness(**{name: 2.5})
    assert getattr(Freshness(**{name: 2}), name) == 2


def test_the_least_life_is_not_over_the_longest() -> None:
    """Bounds that admit nothing are refused."""
    with pytest.raises(Misconfigured, match="min_life"):
        Freshness(min_life=10, max_life=9)
    assert Freshness(min_life=9, max_life=9)

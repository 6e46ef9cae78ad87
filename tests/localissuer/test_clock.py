"""The local issuer's clock."""

from __future__ import annotations

import math
import time
from typing import Any

import orjson
import pytest

from rightkey.jose.base64url import decode
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.clock import Clock
from rightkey.localissuer.tokens.sender import Sender


class TrueTime:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_runs_with_the_true_one() -> None:
    """Until told otherwise."""
    true = TrueTime()
    clock = Clock(true)
    true.now += 5
    assert clock() == 1005
    assert clock.state() == {"now": 1005.0, "frozen": False, "off": 0.0}


def test_how_far_it_is_off_is_told_of_one_moment() -> None:
    """Though time passes while it is told."""
    true = TrueTime()

    def passing() -> float:
        true.now += 1
        return true.now

    clock = Clock(passing)
    assert clock.state() == {"now": 1001.0, "frozen": False, "off": 0.0}
    clock.skew(-30)
    assert clock.state()["off"] == -30.0


def test_frozen_it_moves_by_hand_alone() -> None:
    """From now, or from a time; `resume` ends it."""
    true = TrueTime()
    clock = Clock(true)
    clock.freeze()
    true.now += 5
    assert clock() == 1000
    clock.advance(60)
    assert clock() == 1060
    clock.freeze(5000)
    assert clock.state() == {"now": 5000.0, "frozen": True, "off": 3995.0}
    clock.advance(-1)
    assert clock() == 4999
    clock.resume()
    assert clock() == 1005


def test_advanced_and_skewed_it_runs_on() -> None:
    """Advances add up; a skew is how far it is off in all."""
    true = TrueTime()
    clock = Clock(true)
    clock.advance(10)
    clock.advance(10)
    assert clock() == 1020
    clock.skew(-30)
    true.now += 1
    assert clock() == 971


def test_frozen_after_an_advance_it_stays_where_it_is() -> None:
    """Freezing does not move it."""
    clock = Clock(TrueTime())
    clock.advance(10)
    clock.freeze()
    assert clock() == 1010


@pytest.mark.parametrize("seconds", [-1002.0, 1e12, math.inf, math.nan])
def test_there_are_times_that_no_calendar_has(seconds: float) -> None:
    """They are refused, and the clock stays as it is."""
    clock = Clock(TrueTime())
    clock.advance(1)
    for move in (clock.advance, clock.skew, clock.freeze):
        with pytest.raises(ValueError, match="expected a Unix time"):
            move(seconds)
    assert clock.state() == {"now": 1001.0, "frozen": False, "off": 1.0}


def test_the_true_time_is_looked_up_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a library that freezes the time, also for an issuer and a client that were made before."""
    issuer, sender = LocalIssuer(algorithm="ES256"), Sender()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert (
        claims_of(issuer.token())["iat"] == claims_of(sender.proof("GET", "https://a.example"))["iat"] == 2e9
    )


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = orjson.loads(decode(token.split(".")[1].encode()))
    return claims

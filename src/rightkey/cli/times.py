"""How times are read from the command line and shown to people. All are UTC."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import click

from rightkey.policy.claims import MILLISECONDS

CLAIMS = frozenset(("exp", "nbf", "iat", "auth_time", "updated_at"))
"""Claims that hold a NumericDate."""

_UNIX = re.compile(r"-?\d+(\.\d+)?")
_NUMBERS = re.compile(r"-?\d{9,11}(?:\.\d+)?")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Time(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A Unix time in seconds, or ISO 8601; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            if _UNIX.fullmatch(text):
                return dt.datetime.fromtimestamp(float(text), dt.UTC).timestamp()
            moment = dt.datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        except (ValueError, OverflowError, OSError):
            known = "a Unix time in seconds, or ISO 8601 such as 2026-01-31T12:00:00Z"
            self.fail(f"{text[:60]!a} is not {known}", param, ctx)


def written(seconds: float) -> str:
    """A Unix time in ISO 8601; unchanged where it is outside the calendar."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def distance(seconds: float, now: float) -> str:
    """The distance of a time, such as `in 59 min` or `2 h ago`. One in milliseconds is told as what it is."""
    if MILLISECONDS < seconds < 1000 * MILLISECONDS:
        return "in milliseconds? a time is in seconds"
    span = lasting(abs(seconds - now), parts=1)
    return f"in {span}" if seconds > now else f"{span} ago"


def lasting(seconds: float, parts: int = 2) -> str:
    """A duration in its largest units, such as `1 h 10 min`."""
    left, told = int(min(seconds, 1e12)), []
    for size, unit in _UNITS:
        if left >= size:
            told.append(f"{left // size} {unit}")
            left %= size
    return " ".join(told[:parts]) or "0 s"


def at_times(claim: str, text: str, now: float | None = None) -> str:
    """The text with the date behind each number in it, if the claim holds a time.

    Args:
        now: how far off it is from this is then told too.
    """

    def told(number: re.Match[str]) -> str:
        seconds = float(number[0])
        off = "" if now is None else f", {distance(seconds, now)}"
        return f"{number[0]} ({written(seconds)}{off})"

    return _NUMBERS.sub(told, text) if claim in CLAIMS else text

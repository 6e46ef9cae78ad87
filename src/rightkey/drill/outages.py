"""What a service does when its issuer is away or answers nonsense, once the keys it holds have expired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rightkey.drill.exercise import Exercise, Play
from rightkey.drill.stage import Failed, Skipped, Stage

STALL = 5.0
"""Seconds a good token may wait while the issuer is in trouble: one request, timed out."""
_TRIES = 10


def outage(what: str, most: int | None = None, **options: Any) -> Play:
    """Past the end of the keys' life; `most` is how often the issuer may be asked."""

    def play(stage: Stage) -> str:
        stage.warm()
        stage.renew()
        stage.misbehaves(what, **options)
        stage.expire()
        for _ in range(_TRIES):
            stage.accepts(stage.good())
            stage.waited(STALL)
        if stage.requests == 0:
            raise Skipped("the service did not ask the issuer again: is --life what it caches keys for?")
        if most is not None:
            stage.asked(most)
        return "good tokens were accepted all the while"

    return play


def at_start(stage: Stage) -> str:
    if not stage.fresh:
        raise Skipped("the service has to be started anew for it: by its command, or by --restart")
    answer = stage.ask(stage.good())
    if answer.accepted:
        raise Failed("a token was accepted that could not be checked")
    if answer.status is None or answer.status < 500:
        raise Failed(f"a good token was {answer}, as if it were at fault")
    stage.recover()
    took = stage.accepts_within(stage.good, stage.times.noticed)
    return f"{answer}; once the issuer was back, the token was accepted after {took:.1f} s"


def _advice(play: Play, expected: str, why: str, remedy: str, fault: str | None = None) -> Exercise:
    return Exercise(
        play, expected, "RFC 5861, 4", why, remedy, kind="advice", fresh=True, fault=fault, starts=True
    )


_GO_ON = f"go on accepting good tokens, each within {STALL:.0f} s"
_SERVE_ON = (
    "keep the expired set for a bounded time while the issuer fails, and replace it by a good answer only"
)
_DOWN = "the issuer's outage becomes an outage of every service behind it"

EXERCISES: Mapping[str, Exercise] = {
    "rate limit": _advice(
        outage("status", most=4, code=429, retry_after=3),
        f"{_GO_ON}, and respect Retry-After",
        "issuers answer 429 to all of a tenant's services when one asks too often",
        f"{_SERVE_ON}; do not ask again before Retry-After",
    ),
    "outage": _advice(outage("status"), _GO_ON, _DOWN, _SERVE_ON),
    "outage at the start": _advice(
        at_start,
        "answer 5xx and not 401, and accept the token once the issuer is back",
        "a client that is told 401 throws a good token away, and signs in again",
        "answer 503 to what cannot be checked; fetch keys when they are first needed, or wait for them",
        fault="status",
    ),
    "reset": _advice(outage("reset"), _GO_ON, _DOWN, _SERVE_ON),
    "hang": _advice(outage("hang"), _GO_ON, _DOWN, f"{_SERVE_ON}; set a timeout"),
    "drip": _advice(
        outage("drip-body"), _GO_ON, _DOWN, f"{_SERVE_ON}; bound the whole fetch, not each read of it"
    ),
    "redirect": _advice(
        outage("redirect"),
        _GO_ON,
        "a captive portal or a hijacked host names another place for the keys",
        f"{_SERVE_ON}; follow no redirect",
    ),
    "HTML page": _advice(outage("html"), _GO_ON, "a portal answers 200 to everything", _SERVE_ON),
    "truncated": _advice(outage("truncated"), _GO_ON, "a proxy cut the answer off", _SERVE_ON),
    "no keys": _advice(
        outage("empty-set"), _GO_ON, "a deployment of the issuer publishes an empty set", _SERVE_ON
    ),
    "gzip bomb": _advice(
        outage("gzip-bomb"),
        _GO_ON,
        "64 MiB of white space from 64 KiB: memory is gone",
        f"{_SERVE_ON}; bound the size after decompression",
    ),
}
"""Every exercise of these by name."""

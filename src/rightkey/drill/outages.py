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
        raise Skipped("the service must be restarted for it: by its command, or by --restart")
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


def _while(issuer: str, play: Play, why: str = "", further: str = "") -> Exercise:
    """Good tokens go on being accepted while the issuer does so; `further` is what else to do for that."""
    expected = f"accept good tokens, each within {STALL:.0f} s, while the issuer {issuer}"
    return _advice(play, expected, why or _DOWN, f"{_SERVE_ON}; {further}" if further else _SERVE_ON)


_SERVE_ON = (
    "keep the expired set for a bounded time while the issuer fails, and replace it by a good answer only"
)
_DOWN = "the issuer's outage becomes an outage of every service behind it"

EXERCISES: Mapping[str, Exercise] = {
    "rate limit": _while(
        "answers 429, and respect Retry-After",
        outage("status", most=4, code=429, retry_after=3),
        "issuers answer 429 to all of a tenant's services when one asks too often",
        "do not ask again before Retry-After",
    ),
    "outage": _while("answers 503", outage("status")),
    "outage at the start": _advice(
        at_start,
        "answer 5xx and not 401, and accept the token once the issuer is back",
        "a client that is told 401 throws a good token away, and signs in again",
        "answer 503 to what cannot be checked; fetch keys when they are first needed, or wait for them",
        fault="status",
    ),
    "reset": _while("closes each connection", outage("reset")),
    "hang": _while("does not answer", outage("hang"), further="set a timeout"),
    "drip": _while(
        "sends one octet after the other",
        outage("drip-body"),
        further="bound the whole fetch, not each read of it",
    ),
    "redirect": _while(
        "redirects",
        outage("redirect"),
        "a captive portal or a hijacked host names another place for the keys",
        "follow no redirect",
    ),
    "HTML page": _while(
        "answers 200 with a page", outage("html"), "a captive portal answers so to everything"
    ),
    "truncated": _while("sends half an answer", outage("truncated"), "a proxy cuts the answer off"),
    "no keys": _while(
        "publishes an empty set", outage("empty-set"), "a deployment of the issuer may publish one"
    ),
    "gzip bomb": _while(
        "sends 64 KiB of gzip that grow to 64 MiB",
        outage("gzip-bomb"),
        "the process runs out of memory",
        "bound the size after decompression",
    ),
}
"""Every exercise of these by name."""

"""What a service is put through: each exercise by name, in the order in which they are played.

An exercise returns what it saw, in words; it raises Failed where the service did not do as it must, and
Skipped where nobody can tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rightkey.drill.stage import NOTICED, Failed, Skipped, Stage
from rightkey.localissuer import ATTACKS

Play = Callable[[Stage], str]

CROWD = 50
"""How many ask at once."""
STALL = 5.0
"""Seconds a good token may wait while the issuer is in trouble: one request, timed out."""
FEW = 5
"""How often one worker may ask the issuer, whatever strangers send."""
_UNKNOWN_LIFE = 20.0  # seconds to watch a revoked key where the life of keys is not known
_BETWEEN = 0.1  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Exercise:
    """How it is played, and where.

    Args:
        fresh: before a service that has just been started, where it can be.
        fault: how the issuer goes wrong while that is started.
    """

    play: Play
    fresh: bool = True
    fault: str | None = None


def tokens(stage: Stage) -> str:
    stage.warm()
    answer = stage.target.ask()
    stage.judged(answer, "a request without a token")
    return f"a good token was accepted, a request without one {answer}"


def cold_start(stage: Stage) -> str:
    if not stage.fresh:
        raise Skipped("the service's command is needed, to start it anew")
    stage.issuer.delay = 0.2
    stage.accepts_all([stage.good(f"user-{number}") for number in range(CROWD)])
    stage.asked(2 * FEW)
    return f"{CROWD} first users were let in together"


def rotation(stage: Stage) -> str:
    stage.warm()
    old = stage.issuer.current
    stage.issuer.rotate()
    stage.accepts(stage.good())
    stage.accepts(stage.good(key=old))
    return "tokens by the new key and by the former one were accepted"


def surprise(stage: Stage) -> str:
    stage.warm()
    stage.issuer.rotate(surprise=True)
    return f"the new key was accepted after {stage.accepts_within(stage.good(), stage.noticed):.1f} s"


def swap(stage: Stage) -> str:
    stage.warm()
    stage.issuer.swap()
    return f"the new key was accepted after {stage.accepts_within(stage.good(), stage.noticed):.1f} s"


def revoked(stage: Stage) -> str:
    stage.warm()
    old = stage.issuer.current
    stage.issuer.rotate()
    stage.accepts(stage.good())
    stage.issuer.revoke(old.kid)
    began = time.monotonic()
    most = _UNKNOWN_LIFE if stage.life is None else 1.5 * stage.life + 2
    stage.stopped = 0.0
    for _ in stage.until_refused(lambda: stage.good("mallory", key=old)):
        stage.stopped = time.monotonic() - began
        stage.accepts(stage.good())
        if stage.stopped > most:
            still = f"a revoked key was still accepted after {most:.0f} s"
            if stage.life is None:
                raise Skipped(f"{still}; --life SECONDS says how long the service caches keys")
            raise Failed(still)
    stage.accepts(stage.good())
    return f"the revoked key was accepted for {stage.stopped:.1f} s more"


def outage(what: str, most: int | None = None, **options: Any) -> Play:
    """Past the end of the keys' life; `most` is how often the issuer may be asked."""

    def play(stage: Stage) -> str:
        stage.warm()
        stage.misbehaves(what, **options)
        stage.expire()
        for _ in range(10):
            stage.accepts(stage.good())
            stage.waited(STALL)
        if most is not None:
            stage.asked(most)
        return "good tokens were accepted all the while"

    return play


def cold_outage(stage: Stage) -> str:
    if not stage.fresh:
        raise Skipped("the service's command is needed, to start it anew")
    answer = stage.target.ask(stage.good())
    if answer.accepted:
        raise Failed("a token was accepted that nobody could check")
    if answer.status is None or answer.status < 500:
        raise Failed(f"a good token was {answer}, as if it were at fault")
    stage.recover()
    took = stage.accepts_within(stage.good(), NOTICED)
    return f"{answer}; once the issuer was back, the token was accepted after {took:.1f} s"


def slow(stage: Stage) -> str:
    stage.warm()
    stage.issuer.delay = 3.0
    forged = stage.target.send(stage.forged("stranger"))
    for _ in range(10):
        stage.accepts(stage.good())
        time.sleep(_BETWEEN)
    stage.judged(forged.result(), "a forged token")
    stage.waited(1.0)
    return "nobody waited for the key of a forged token"


def flood(stage: Stage) -> str:
    stage.warm()
    stage.issuer.delay, began = 1.0, time.monotonic()
    forged = [stage.target.send(stage.forged(f"stranger-{number}")) for number in range(CROWD)]
    while not all(one.done() for one in forged):
        stage.accepts(stage.good())
        stage.waited(STALL)
        time.sleep(_BETWEEN)
    for one in forged:
        stage.judged(one.result(), "a forged token")
    stage.asked(FEW + stage.refreshes(time.monotonic() - began))
    return f"{CROWD} forged tokens were refused, and the others went on"


def garbage(stage: Stage) -> str:
    stage.warm()
    head, payload, signature = stage.good().split(".")
    for what, token in {
        "an empty token": "",
        "one dot": ".",
        "two dots": "..",
        "a word": "null",
        "JSON": '{"alg":"none"}',
        "four parts": f"{head}.{payload}.{signature}.{signature}",
        "half a signature": f"{head}.{payload}.{signature[: len(signature) // 2]}",
        "another payload": f"{head}.{payload[:-8]}AAAAAAAA.{signature}",
        "a header of noise": f"{'_-' * 50}.{payload}.{signature}",
        "a nested header": f"{'W1' * 1000}.{payload}.{signature}",
        "six thousand characters": "A" * 6000,
        "a letter beyond ASCII": f"{head}.{payload}.{signature}\u00e9",
    }.items():
        stage.refuses(token, what)
    stage.accepts(stage.good())
    return "none of it was accepted, and none broke anything"


def odd_set(what: str) -> Exercise:
    """A key set with something odd beside the good key, or bare of what is optional."""

    def play(stage: Stage) -> str:
        stage.misbehaves(what)
        stage.unheld()
        stage.accepts_within(stage.good(), stage.noticed)
        return "the good key was found in it"

    return Exercise(play, fault=what)


def unfit(what: str, said: str) -> Exercise:
    """The key that signs is published as one that must not be used."""

    def play(stage: Stage) -> str:
        if not stage.fresh:
            stage.issuer.rotate(surprise=True)  # whatever is thought of this key, the next is another
        stage.misbehaves(what)
        stage.unheld()
        try:
            stage.refuses(stage.good(), f"a token by a key {said}")
        finally:
            stage.issuer.rotate(surprise=True)
        return "its token was refused"

    return Exercise(play, fault=what)


def attack(name: str) -> Play:
    """A token that must be refused; what it asks for is a stranger's wish."""

    def play(stage: Stage) -> str:
        stage.accepts_within(stage.good(), NOTICED)
        stage.issuer.requests.clear()
        answer = stage.refuses(stage.issuer.attack(name, sub="mallory", scope="read:x"), "it")
        return f"it was {answer}"

    return play


EXERCISES: dict[str, Exercise] = {
    "tokens": Exercise(tokens),
    "cold start": Exercise(cold_start),
    "rotation": Exercise(rotation),
    "rotation without notice": Exercise(surprise),
    "same kid, other key": Exercise(swap),
    "revocation": Exercise(revoked),
    "rate limit": Exercise(outage("status", most=4, code=429, retry_after=60)),
    "outage": Exercise(outage("status")),
    "outage at the start": Exercise(cold_outage, fault="status"),
    "reset": Exercise(outage("reset")),
    "hang": Exercise(outage("hang")),
    "drip": Exercise(outage("drip-body")),
    "redirect": Exercise(outage("redirect")),
    "HTML page": Exercise(outage("html")),
    "truncated": Exercise(outage("truncated")),
    "no keys": Exercise(outage("empty-set")),
    "gzip bomb": Exercise(outage("gzip-bomb")),
    "slow": Exercise(slow),
    "flood": Exercise(flood),
    "garbage": Exercise(garbage),
    "set: broken members": odd_set("broken-member"),
    "set: kid twice": odd_set("duplicate-kid"),
    "set: no alg": odd_set("no-alg"),
    "set: bare keys": odd_set("bare"),
    "set: broken certificate": odd_set("broken-certificate"),
    **{f"attack: {name}": Exercise(attack(name), fresh=False) for name in ATTACKS},
    "key: for encryption": unfit("use-enc", "for encryption"),
    "key: for encryption, by key_ops": unfit("key-ops-encrypt", "for encryption"),
    "key: of another algorithm": unfit("other-alg", "of another algorithm"),
    "key: with another's certificate": unfit("other-certificate", "that is not its certificate's"),
    "key: private": unfit("private-members", "that is no secret"),
}
"""Every exercise by name."""

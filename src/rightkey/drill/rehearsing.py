"""A drill from its first exercise to its last."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from rightkey.drill.exercises import EXERCISES
from rightkey.drill.scorecard import Row, Scorecard
from rightkey.drill.service import NotReady, Service
from rightkey.drill.stage import Failed, Skipped, Stage
from rightkey.drill.target import Target
from rightkey.localissuer import LocalIssuer

WAIT = 30.0
"""Seconds until a service must answer."""


def drill(
    target: Target,
    *,
    command: Sequence[str] = (),
    make_issuer: Callable[[], LocalIssuer] = LocalIssuer,
    life: float | None = None,
    workers: int = 1,
    wait: float = WAIT,
    only: Collection[str] = (),
    announce: Callable[[LocalIssuer], None] = lambda _: None,
    listener: Callable[[Row], None] = lambda _: None,
) -> Scorecard:
    """Play exercises before a service, and score it.

    Args:
        target: its protected URL.
        command: how to start it. It is then started anew for exercises that want that, each before an issuer
            of its own; otherwise one issuer is there throughout, and the service is expected to know it.
        make_issuer: makes what is not started yet.
        life: for how long the service caches keys, in seconds: what happens after that is skipped otherwise.
        workers: how many processes serve; each may ask the issuer for itself.
        wait: until it must answer, in seconds.
        only: the names of exercises; all by default.
        announce: told of an issuer once it is there, and before the service is waited for.
        listener: told of each row as it comes.

    Raises:
        NotReady: the service does not answer, or takes no good token.
        ValueError: there is no such exercise.
    """
    unknown = [name for name in only if name not in EXERCISES]
    if unknown:
        raise ValueError(f"expected one of {', '.join(EXERCISES)}, got {unknown[0]!r}")
    began, rows = time.monotonic(), list[Row]()
    setting = Setting(target, command, make_issuer, life, workers, wait, announce)
    with ExitStack() as stack:
        stage = setting.raised(stack)
        setting.require_accepted(stage)
        for name in only or EXERCISES:
            fresh = EXERCISES[name].fresh and bool(command)
            if fresh:
                stack.close()
                stage = setting.raised(stack, EXERCISES[name].fault)
            stage = stage.again(fresh=fresh)
            rows.append(played(name, stage))
            listener(rows[-1])
    return Scorecard(target.url, rows, time.monotonic() - began)


def played(name: str, stage: Stage) -> Row:
    """What comes of an exercise on this stage."""
    verdict: Literal["passed", "failed", "skipped"] = "passed"
    try:
        told = EXERCISES[name].play(stage)
    except Failed as failed:
        verdict, told = "failed", str(failed)
    except Skipped as skipped:
        verdict, told = "skipped", str(skipped)
    return Row(name, verdict, told, stage.requests, round(stage.wait, 3), stage.stopped)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a stage is made of."""

    target: Target
    command: Sequence[str]
    make_issuer: Callable[[], LocalIssuer]
    life: float | None
    workers: int
    wait: float
    announce: Callable[[LocalIssuer], None]

    def raised(self, stack: ExitStack, fault: str | None = None) -> Stage:
        """A new issuer with the service before it, until the stack is closed. Raises NotReady."""
        issuer = stack.enter_context(self.make_issuer())
        self.announce(issuer)
        stage = Stage(issuer, self.target, life=self.life, workers=self.workers)
        if self.command:
            if fault is not None:
                stage.misbehaves(fault)
            stack.enter_context(Service(self.command, issuer, self.target, self.wait))
        return stage

    def require_accepted(self, stage: Stage) -> None:
        """Wait until the service takes a good token. Somebody may be about to start it. Raises NotReady."""
        try:
            stage.accepts_within(stage.good(), self.wait)
        except Failed as failed:
            raise NotReady(f"{self.target.url}: {failed}") from None

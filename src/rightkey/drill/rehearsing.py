"""A drill from its first exercise to its last, whatever becomes of the service in between."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Self, TypedDict, Unpack

from rightkey.drill.exercises import EXERCISES, chosen
from rightkey.drill.row import Row, Verdict
from rightkey.drill.scorecard import Scorecard
from rightkey.drill.service import (
    WAIT,
    NotReady,
    NotStarted,
    Restarted,
    Served,
    Service,
    Unknown,
    ending,
)
from rightkey.drill.stage import COOLDOWN, Errored, Failed, Skipped, Stage, Times
from rightkey.drill.stopping import Interrupted, Stop
from rightkey.drill.target import Answer, Target
from rightkey.drill.tokens import Tokens
from rightkey.localissuer import Fault, LocalIssuer

_BETWEEN = 0.1  # seconds between two looks


class Options(TypedDict, total=False):
    """What `drill` is told of the service and of its issuer, besides the target.

    Args:
        command: how to start it. It is then restarted for exercises that want that, each before an issuer
            of its own; otherwise one issuer is there throughout, and the service is expected to know it.
        restart: instead, a command that restarts a service which was started elsewhere.
        make_issuer: makes what is not started yet.
        tokens: what a good token says.
        life: for how long the service caches keys, in seconds: what happens after that is skipped otherwise.
            The issuer tells it as `max-age`, too.
        cooldown: for how long it may put off a second look for an unknown key, in seconds.
        workers: how many processes serve; each may ask the issuer for itself.
        wait: until it must answer, in seconds.
        announce: told of an issuer once it is there, and before the service is waited for.
        starting: told of each exercise as it begins: its name, its number, and how many there are.
        listener: told of each row as it comes.
        stop: signals that end the drill; the card then says so, and has the rows so far.
    """

    command: Sequence[str]
    restart: Sequence[str]
    make_issuer: Callable[[], LocalIssuer]
    tokens: Tokens | None
    life: float | None
    cooldown: float
    workers: int
    wait: float
    announce: Callable[[LocalIssuer], None]
    starting: Callable[[str, int, int], None]
    listener: Callable[[Row], None]
    stop: Stop


def drill(
    target: Target,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    strict: bool = False,
    baseline: Mapping[str, Verdict] | None = None,
    **options: Unpack[Options],
) -> Scorecard:
    """Play exercises before a service, and score it. There is a card whatever happens.

    Args:
        target: its protected URL.
        only: names of exercises, or patterns such as `attack:*`; all by default.
        skip: names or patterns of those not to play.
        strict: advice counts as much as what a standard demands.
        baseline: the verdicts of an earlier card by name: only what got worse counts.
        options: as `Options` has them.

    Raises:
        ValueError: no exercise fits a pattern.
    """
    names, began, stopped = chosen(only, skip), time.monotonic(), None
    rehearsal = Rehearsal(Setting(target, **options))
    try:
        with rehearsal:
            rehearsal.play(names)
    except (NotReady, Interrupted) as reason:
        stopped = str(reason)
    rows = [*rehearsal.rows, *rehearsal.unplayed(names, stopped)]
    return Scorecard(target.url, rows, time.monotonic() - began, strict, baseline, stopped)


@dataclass(frozen=True, slots=True)
class Setting:
    """The options of a drill, and how a stage is made of them."""

    target: Target
    command: Sequence[str] = ()
    restart: Sequence[str] = ()
    make_issuer: Callable[[], LocalIssuer] = LocalIssuer
    tokens: Tokens | None = None
    life: float | None = None
    cooldown: float = COOLDOWN
    workers: int = 1
    wait: float = WAIT
    announce: Callable[[LocalIssuer], None] = lambda _: None
    starting: Callable[[str, int, int], None] = lambda *_: None
    listener: Callable[[Row], None] = lambda _: None
    stop: Stop = field(default_factory=Stop)

    @property
    def made(self) -> Tokens:
        """How good tokens are made."""
        return self.tokens or Tokens()

    @property
    def starts(self) -> bool:
        """The service can be restarted."""
        return bool(self.command or self.restart)

    def raised(self, stack: ExitStack, fault: str | Fault | None) -> Stage:
        """A new issuer with the service before it, until the stack is closed. Raises NotReady."""
        try:
            issuer = stack.enter_context(self.make_issuer())
        except OSError as error:
            why = (error.strerror or "cannot listen").lower()
            raise NotReady(f"the drill's issuer cannot be started: {why}") from None
        if self.made.typ is not None:
            issuer.typ = self.made.typ
        if self.life is not None:
            issuer.cache_control = f"max-age={math.ceil(self.life)}"
        self.announce(issuer)
        times = Times(self.life, self.cooldown, self.workers)
        stage = Stage(issuer, self.target, self.made, times)
        if fault is not None and self.starts:
            stage.misbehaves(fault)
        return replace(stage, service=self._served(stack, issuer))

    def _served(self, stack: ExitStack, issuer: LocalIssuer) -> Served:
        if self.command:
            service = Service(self.command, issuer, self.target, self.wait, self.stop)
            stack.callback(service.end)  # a signal may come where its own end has not begun yet
            return stack.enter_context(service)
        if self.restart:
            return stack.enter_context(Restarted(self.restart, issuer, self.target, self.wait))
        return Unknown()


class Rehearsal:
    """Plays one exercise after the other, and puts a service that has gone back on its feet between them."""

    def __init__(self, setting: Setting) -> None:
        self.rows: list[Row] = []
        self._setting, self._stack = setting, ExitStack()
        self._stage: Stage | None = None
        self._well = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self, names: Sequence[str]) -> None:
        """Raises NotReady where there is no service to go on with."""
        self._meet()
        for number, name in enumerate(names, 1):
            self._setting.starting(name, number, len(names))
            self.rows.append(self._played(name))
            self._setting.listener(self.rows[-1])
            self._setting.stop.check()

    def unplayed(self, names: Sequence[str], stopped: str | None) -> list[Row]:
        """Rows for what was not reached, and why."""
        why, _, _ = (stopped or "").partition("\n")
        return [self.row(name, "skipped", f"the drill had ended: {why}") for name in names[len(self.rows) :]]

    def row(
        self, name: str, verdict: Verdict, told: str, stage: Stage | None = None, took: float = 0.0
    ) -> Row:
        """What came of an exercise, with what the suite says of it."""
        exercise = EXERCISES[name]
        row = Row(
            name,
            verdict,
            told,
            exercise.kind_for(strict=self._setting.made.strict),
            exercise.expected,
            exercise.reference,
            exercise.why,
            exercise.remedy,
            seconds=round(took, 3),
        )
        if stage is None:
            return row
        return replace(row, requests=stage.requests, wait=round(stage.wait, 3), stopped=stage.stopped)

    def _played(self, name: str) -> Row:
        began, fresh = time.monotonic(), EXERCISES[name].fresh and self._setting.starts
        try:
            stage = self._staged(EXERCISES[name].fault, fresh=fresh)
        except NotStarted as error:
            if EXERCISES[name].fault is None or not fresh:
                raise
            self._well = False
            told = ": ".join(["before such an issuer it did not start", *error.ends])
            return self.row(name, unstarted(name, error), told, took=time.monotonic() - began)
        verdict, told = outcome(name, stage)
        requests = stage.requests
        gone = stage.down()
        self._well = gone is None and not stage.sick
        if gone is not None and (stage.service.ended() is not None or verdict == "error"):
            verdict, told = "ended", f"{told}; {gone}"
        row = self.row(name, verdict, told, stage, time.monotonic() - began)
        return replace(row, requests=requests)

    def _staged(self, fault: str | Fault | None, *, fresh: bool) -> Stage:
        """Where the next exercise is played."""
        stage = self._stage
        if fresh:
            stage = self._raised(fault)
        elif stage is None or not self._well:
            stage = self._meet()
        self._stage = stage.again(fresh=fresh)
        return self._stage

    def _meet(self) -> Stage:
        """A service that takes a good token: restarted where it can be, waited for otherwise."""
        stage = self._stage
        if stage is None or self._setting.starts:
            stage = self._raised(None)
        first_contact(stage, self._setting.wait)
        self._well = True
        return stage

    def _raised(self, fault: str | Fault | None) -> Stage:
        self._stack.close()
        self._stage = self._setting.raised(self._stack, fault)
        return self._stage


def unstarted(name: str, error: NotStarted) -> Verdict:
    """What comes of an exercise for which the service did not start."""
    if not EXERCISES[name].starts:
        return "skipped"
    return "ended" if error.ended else "failed"


def outcome(name: str, stage: Stage) -> tuple[Verdict, str]:
    """What comes of an exercise on this stage."""
    try:
        return "passed", EXERCISES[name].play(stage)
    except Failed as failed:
        return "failed", str(failed)
    except Errored as errored:
        return "error", str(errored)
    except Skipped as skipped:
        return "skipped", str(skipped)


def first_contact(stage: Stage, wait: float) -> None:
    """Wait until the service takes a good token. It may be about to start.

    Raises:
        NotReady: it does not; the message has what the service said of it.
    """
    stage.recover()
    began = time.monotonic()
    while not (answer := stage.ask(stage.good())).accepted:
        took, ended = time.monotonic() - began, stage.service.ended()
        if ended is not None or answer.untrusted or took > wait:
            raise NotReady("\n".join(_unmet(stage, answer, ended, took)))
        time.sleep(_BETWEEN)


def _unmet(stage: Stage, answer: Answer, ended: str | None, took: float) -> list[str]:
    """Why there is nothing to score, as far as the service says: its answer, and its last words."""
    lines = [f"{stage.target.url}: after {took:.0f} s a good token was {answer}", *answer.lines]
    if ended is not None:
        lines.append(f"the service {ended}")
    words = ending(stage.service.last_words())
    return [*lines, *(["last words of the service:", *words] if words else [])]

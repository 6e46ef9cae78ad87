"""One exercise: how it is played, what the service has to do in it, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rightkey.drill.row import Kind
from rightkey.drill.stage import Stage
from rightkey.localissuer import Fault

Play = Callable[[Stage], str]
"""Returns what was seen, in words. Raises Failed, Errored or Skipped otherwise."""
AtJwt = Literal["at+jwt"]

LIBRARY = "RFC 7519, 7.2"
"""A JWT that fails one step of its validation, that of its JWS (RFC 7515, 5.2) included, MUST be rejected."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One row of the suite.

    Args:
        play: how it is played.
        expected: what the service has to do.
        reference: the RFC with its section, or the CVE; of a `must` it says MUST.
        why: why it matters.
        remedy: what to do where it failed.
        kind: whether the reference demands it. `at+jwt`: it does of those whose tokens are access tokens by
            RFC 9068, and is advice to others.
        fresh: it wants a service that has just been started, where that can be.
        fault: how the issuer goes wrong while that is started.
        starts: the service has to start before such an issuer. Otherwise nothing can be told of one that does
            not: it let nothing in.
    """

    play: Play
    expected: str
    reference: str
    why: str
    remedy: str
    kind: Kind | AtJwt = "must"
    fresh: bool = False
    fault: str | Fault | None = None
    starts: bool = False

    def kind_for(self, *, strict: bool) -> Kind:
        """What it is to a service; `strict` where its tokens are access tokens by RFC 9068."""
        if self.kind == "at+jwt":
            return "must" if strict else "advice"
        return self.kind


def refusing(make: Callable[[Stage], str]) -> Play:
    """A bad token is refused, right after a good one was accepted."""

    def play(stage: Stage) -> str:
        stage.ready()
        answer = stage.refuses(make(stage), "it")
        return f"it was {answer}"

    return play


def accepting(make: Callable[[Stage], str], *, lower: bool = False) -> Play:
    """An unusual but good token is accepted, right after a usual one was."""

    def play(stage: Stage) -> str:
        stage.ready()
        answer = stage.ask(make(stage), lower=lower)
        return stage.let_in(answer, "it")

    return play

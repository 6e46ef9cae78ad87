"""Faces: the verifiers as they are, but for how a task waits, which is the world's."""

from __future__ import annotations

from typing import Any

from rightkey.sources.jobs import Job
from rightkey.verifier.tasks import AsyncVerifiers
from rightkey.verifier.threads import Verifiers
from simulation.world import World


class Threads(Verifiers):
    """Of threads."""

    world: World

    def call(self, raw: str) -> Any:
        return self.verify(raw)


class Tasks(AsyncVerifiers):
    """Of tasks: each call's coroutine is run in a greenlet, and so is never suspended by itself."""

    world: World

    async def _wait(self, job: Job, seconds: float) -> None:
        self.world.wait_for(job, seconds)

    def call(self, raw: str) -> Any:
        try:
            self.verify(raw).send(None)
        except StopIteration as returned:
            return returned.value
        raise AssertionError("a coroutine was suspended")

"""World: virtual time, and greenlets in place of threads: hours pass in seconds, a seed plays one history.

What is played is the library as it is. Of the real world it takes three things in its cold path: the
monotonic clock, the threads of its jobs, and waiting for a job. These are given to it here.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from rightkey.sources import jobs, retry
from rightkey.sources.guard import GUARD
from rightkey.sources.jobs import JOBS, Job

START = 0.001
"""Seconds at most until a thread that was started runs."""


class Fault(AssertionError):
    """A property does not hold. `rule` is its name."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


class World:
    """One history's time, and all that runs in it. Nothing runs but inside of `run`."""

    def __init__(self, seed: object) -> None:
        self.now = 0.0
        self.faults: list[Fault] = []
        self.job_began: Callable[[Job], None] = lambda job: None
        self.job_ended: Callable[[Job], None] = lambda job: None
        self.alive: set[greenlet] = set()
        self._due: list[tuple[float, int, greenlet, list[bool]]] = []
        self._count = itertools.count()
        self._hub = getcurrent()
        self._chance = random.Random(f"world {seed}")

    def take_over(self) -> None:
        """Give this time and these threads to the library, whose table of jobs begins empty."""
        clock = SimpleNamespace(monotonic=lambda: self.now)
        jobs.time = retry.time = clock  # type: ignore[attr-defined, assignment]
        jobs.threading = SimpleNamespace(Thread=self._thread, RLock=threading.RLock)  # type: ignore[attr-defined, assignment]
        JOBS.wait = self.wait_for  # type: ignore[method-assign]
        JOBS.empty()

    def spawn(self, run: Callable[[], object], after: float = 0.0) -> None:
        """Have something run, which may sleep and wait. What it raises is a fault."""

        def guarded() -> None:
            try:
                run()
            except Fault as fault:
                self.faults.append(fault)
            except GreenletExit:
                pass
            except BaseException as error:  # noqa: BLE001 - that is what is looked for
                self.faults.append(Fault("typed errors alone", f"{type(error).__name__} was raised: {error}"))
            finally:
                self.alive.discard(mine)

        mine = greenlet(guarded, self._hub)
        self.alive.add(mine)
        self._wake(mine, self.now + after, [True])

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        self._wake(getcurrent(), self.now + seconds, [True])
        self._leave()

    def wait(self, done: Future[None], seconds: float) -> bool:
        """Wait until it is resolved, or the time is up; whether it is resolved."""
        if not done.done():
            me, waits = getcurrent(), [True]
            done.add_done_callback(lambda _: self._wake(me, self.now, waits))
            self._wake(me, self.now + seconds, waits)
            self._leave()
        return done.done()

    def wait_for(self, job: Job, seconds: float) -> None:
        """As `Jobs.wait`."""
        if not self.wait(job.done, min(seconds, job.left)):
            JOBS.give_up(job)

    def run(self, until: float) -> None:
        """Let everything run that is due until then. Raises the first Fault."""
        while self._due and self._due[0][0] <= until:
            when, _, one, waits = heapq.heappop(self._due)
            if waits[0]:
                waits[0] = False
                self.now = max(self.now, when)
                one.switch()
                self.judge()
        self.now = max(self.now, until)

    def judge(self) -> None:
        """Raise the first Fault that there is."""
        if self.faults:
            raise self.faults[0]

    def end(self) -> None:
        """Let go of what is left."""
        for one in list(self.alive):
            one.throw(GreenletExit)
        self._due.clear()
        JOBS.empty()

    def _wake(self, one: greenlet, when: float, waits: list[bool]) -> None:
        heapq.heappush(self._due, (when, next(self._count), one, waits))

    def _leave(self) -> None:
        if GUARD.is_mine:
            raise Fault("the lock is short", "a thread waits while it holds GUARD")
        self._hub.switch()

    def _thread(self, target: Callable[..., Any], args: tuple[Any, ...], **_: Any) -> SimpleNamespace:
        def run() -> None:
            job = args[-1]
            if not isinstance(job, Job):  # what watches the line
                target(*args)
                return
            getcurrent().job = job  # type: ignore[attr-defined]
            self.job_began(job)
            try:
                target(*args)
            finally:
                self.job_ended(job)

        return SimpleNamespace(start=lambda: self.spawn(run, self._chance.uniform(0.0, START)))


def running_job() -> Job:
    """The job in whose thread this is called."""
    job: Job = getcurrent().job  # type: ignore[attr-defined]
    return job

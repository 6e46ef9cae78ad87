"""Jobs: one detached job a key, for everybody who waits, whatever their face.

A job runs on a short-lived daemon thread of its own: no loop owns it, nobody who leaves ends it, and
nothing must be closed. Threads, asyncio tasks and trio tasks wait on the same Future.

`GUARD` is the one lock of the cold path: held for the microseconds of a decision, never over a fetch, a
listener or a wait, and never by a verification that the keys at hand satisfy. One lock for the process
makes a fork simple: it is taken before, so that the child finds every state whole.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

GUARD = threading.Lock()
READING = threading.Lock()
"""Held while a job makes keys of a document, and taken before a fork as well. OpenSSL has locks of its own:
a child that is forked while another thread holds one waits for it for ever, at its first signature."""
MAX_JOBS = 32
MAX_HUNG = 2
"""Threads of one key that may hang in what cannot be shut, such as a name look-up."""


@dataclass(eq=False, slots=True)
class Job:
    """A job in flight. `done` is resolved with None when its outcome is in place, good or bad."""

    key: Hashable
    deadline: float
    late: Callable[[], None]
    after: Callable[[], None]
    done: Future[None] = field(default_factory=Future)
    waiters: set[object] = field(default_factory=set)
    """Who waits for it on a thread. It ends with the job, so that a fork leaves nobody behind in it."""
    claimed: bool = False
    given_up: bool = False

    @property
    def left(self) -> float:
        """Seconds of real time until the job is given up."""
        return max(0.0, self.deadline - time.monotonic())


class Jobs:
    """The table of jobs in flight."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, Job] = {}
        self._hung: Counter[Hashable] = Counter()

    def find(self, key: Hashable) -> Job | None:
        """The job in flight of this key. Call with GUARD held."""
        job = self._jobs.get(key)
        if job is not None and job.left <= 0:
            self._give_up(job)
            return None
        return job

    def start(
        self,
        key: Hashable,
        seconds: float,
        work: Callable[[Job], None],
        late: Callable[[], None],
        after: Callable[[], None],
    ) -> Job | None:
        """Start a job. Call with GUARD held, and none of this key in flight.

        Args:
            key: whose job it is.
            seconds: after which it is given up.
            work: what to do; called with the job, without GUARD. It must `claim` before it changes anything.
            late: called with GUARD held where the job is given up.
            after: called without GUARD when the job has left the table.

        Returns:
            The job; None where no thread may be started: too many run or hang, or the interpreter ends.
        """
        if len(self._jobs) >= MAX_JOBS:
            for other in list(self._jobs):  # nobody may have asked for those whose time is up
                self.find(other)
        if len(self._jobs) >= MAX_JOBS or self._hung.get(key, 0) >= MAX_HUNG:
            return None
        job = Job(key, time.monotonic() + seconds, late, after)
        self._jobs[key] = job
        try:
            # A context of its own: a caller's context variables are not another caller's.
            run = contextvars.Context().run
            threading.Thread(target=run, args=(self._run, job, work), name="rightkey", daemon=True).start()
        except RuntimeError:
            del self._jobs[key]
            return None
        return job

    def claim(self, job: Job) -> bool:
        """Whether what the job found counts, since nobody gave it up. Call with GUARD held."""
        job.claimed = not job.given_up
        return job.claimed

    def give_up(self, job: Job) -> None:
        """Let everybody go who waits for a job, if it is past its deadline."""
        with GUARD:
            if job.left > 0:
                return
            self._give_up(job)
        job.after()

    def _give_up(self, job: Job) -> None:
        if not (job.claimed or job.given_up):
            job.given_up = True
            self._hung[job.key] += 1
            job.late()
            self._leave(job)
            job.done.set_result(None)

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            work(job)
        finally:
            with GUARD:
                if job.given_up:  # it hung, and has come back
                    self._hung -= Counter((job.key,))
                job.claimed = True  # who waits still cannot give it up from here on
                self._leave(job)
            if not job.given_up:
                job.done.set_result(None)
            job.after()

    def _leave(self, job: Job) -> None:
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    def empty(self) -> None:
        """Forget everything: after a fork no thread of the parent runs here."""
        self._jobs.clear()
        self._hung.clear()


JOBS = Jobs()


def wait(job: Job, seconds: float) -> None:
    """Wait on a thread until the job is done or the time is up. Raises nothing of its own."""
    try:
        job.done.result(min(seconds, job.left))
    except FutureTimeout:
        JOBS.give_up(job)


async def wait_async(job: Job, seconds: float) -> None:
    """Wait in a task of asyncio or trio until the job is done or the time is up."""
    if not job.done.done():
        pause = min(seconds, job.left)
        trio = sys.modules.get("trio")
        if trio is not None and _in_trio(trio):
            await _wait_trio(trio, job, pause)
        else:
            await _wait_asyncio(job, pause)
    if not job.done.done():
        JOBS.give_up(job)


def _in_trio(trio: Any) -> bool:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


async def _wait_asyncio(job: Job, seconds: float) -> None:
    import asyncio  # here, since a service of threads need not have it

    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def poke(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(done.set_result, None)

    job.done.add_done_callback(poke)
    await asyncio.wait((done,), timeout=seconds)


async def _wait_trio(trio: Any, job: Job, seconds: float) -> None:
    done = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def poke(_: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):  # that run is over: nobody waits there any more
            token.run_sync_soon(done.set)

    job.done.add_done_callback(poke)
    with trio.move_on_after(seconds):
        await done.wait()


def _before_fork() -> None:
    READING.acquire()
    GUARD.acquire()


def _after_fork() -> None:
    GUARD.release()
    READING.release()


def _after_fork_in_child() -> None:  # pragma: no cover - runs in a forked child, where nothing measures
    JOBS.empty()
    _after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)

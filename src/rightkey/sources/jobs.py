"""Jobs: one detached job a key, shared by all callers that wait for it, in threads and in tasks.

A job runs on a short-lived daemon thread of its own: it belongs to no event loop, goes on when a caller
leaves, and nothing must be closed. Threads, asyncio tasks and trio tasks wait on the same Future.

At most `most` jobs run at once; the others stand in line. A key whose last job had an answer may take any
place, the others only half of them, so that issuers that hang cannot take all. The line is served in the
order of coming, but a job whose last one took d seconds stands 4 d seconds further back. So a healthy key
that was never asked before starts after at most

    (h * t + s * T) / (most / 2)  +  T   seconds

where h healthy keys, of t seconds each, and s hanging ones that were never asked before stand ahead of it,
and T is the time after which a job is given up. Hanging ones that were asked before stand behind it. A key
that has answered before waits for those alone that have answered, too: at most h * t / (most / 2) + T
seconds.

While jobs stand in line, one thread watches those that run, and gives each up when its time is over: its
callers may all have gone, and the line must move on.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import TypeAlias

from rightkey.sources.guard import GUARD

MAX_HUNG = 2
"""Threads of one key that may hang in what cannot be shut, such as a name look-up."""
MAX_QUEUED = 10_000
"""Refreshes that may stand in line, of all issuers."""
SET_BACK = 4.0
"""How far back a refresh stands in line, as a multiple of the seconds that the last one took."""


@dataclass(slots=True)
class Past:
    """How a key's last job went. It belongs to the key's owner, and ends with it."""

    took: float = 0.0
    """Seconds."""
    answered: bool = False


@dataclass(eq=False, slots=True)
class Job:
    """A job in line or in flight. `done` is resolved with None when its outcome is in place, good or bad."""

    key: Hashable
    seconds: float
    work: Callable[[Job], None]
    on_given_up: Callable[[], None]
    on_refused: Callable[[], None]
    on_end: Callable[[], None]
    past: Past
    unproven: bool
    """Whether it may take only half of the places: its key's last job had no answer, or there was none."""
    done: Future[None] = field(default_factory=Future)
    waiters: set[object] = field(default_factory=set)
    """The callers that wait for it on a thread. The set ends with the job: a fork leaves none in it."""
    began: float | None = None
    """When it was started, by the monotonic clock; None while it stands in line."""
    claimed: bool = False
    answered: bool = False
    """Set by the work."""
    given_up: bool = False
    refused: bool = False
    """Whether no thread could be started for it."""
    owner: Jobs | None = None
    """Among which jobs it runs."""

    @property
    def left(self) -> float:
        """Seconds of real time until the job is given up: all of them as long as it stands in line, and once
        it is claimed, when it cannot be given up any more."""
        if self.began is None or self.claimed:
            return self.seconds
        return max(0.0, self.began + self.seconds - time.monotonic())


_Queue: TypeAlias = "list[tuple[float, int, Job]]"


class Jobs:
    """The jobs in flight, and those in line."""

    def __init__(self) -> None:
        self._running: dict[Hashable, Job] = {}
        self._queued: dict[Hashable, Job] = {}
        self._queues: tuple[_Queue, _Queue] = ([], [])
        """The same in order: of keys that have answered, and of the others."""
        self._begun: deque[Job] = deque()
        """Those whose turn has come, and which are not launched yet."""
        self._hung: Counter[Hashable] = Counter()
        self._count = itertools.count()
        self._most = 0
        self._watched = False

    def find(self, key: Hashable) -> Job | None:
        """The job of this key. Call with GUARD held."""
        job = self._running.get(key) or self._queued.get(key)
        if job is not None and job.began is not None and job.left <= 0:
            self._give_up(job)
            return None
        return job

    def start(
        self,
        key: Hashable,
        seconds: float,
        work: Callable[[Job], None],
        *,
        on_given_up: Callable[[], None],
        on_refused: Callable[[], None],
        on_end: Callable[[], None],
        most: int,
        past: Past,
    ) -> Job | None:
        """Have a job run, now or in its turn. Call with GUARD held, and none of this key there; then let go
        of GUARD and call `launch`.

        Args:
            key: whose job it is.
            seconds: after which it is given up, from its start.
            work: what to do; called with the job, without GUARD. It must `claim` before it changes anything.
            on_given_up: called with GUARD held where the job is given up.
            on_refused: called with GUARD held where no thread could be started for it.
            on_end: called without GUARD when the job is over.
            most: how many jobs may run at once.
            past: how the last one of this key went; this one is noted there.

        Returns:
            The job; None where too many of this key hang, or too many stand in line.
        """
        if self._hung[key] >= MAX_HUNG or len(self._queued) >= MAX_QUEUED:
            return None
        job = Job(
            key, seconds, work, on_given_up, on_refused, on_end, past, unproven=not past.answered, owner=self
        )
        self._queued[key] = job
        place = time.monotonic() + SET_BACK * past.took
        heapq.heappush(self._queues[job.unproven], (place, next(self._count), job))
        self._most = most
        self._admit()
        return job

    def counts(self) -> dict[str, int]:
        """How many run, and how many stand in line."""
        return {"running": len(self._running), "waiting": len(self._queued)}

    def launch(self) -> None:
        """Start the threads of the jobs whose turn has come, and the one that watches. Call without GUARD."""
        while True:
            try:
                job = self._begun.popleft()
            except IndexError:  # there is no more, or another thread was faster
                break
            if not _started(self._run, job):
                self._refuse(job)
        if self._queued and self._may_watch() and not _started(self._watch):
            self._watched = False

    def wait(self, job: Job, seconds: float) -> None:
        """Wait on a thread until the job is done or the time is up. Raises nothing of its own."""
        try:
            job.done.result(min(seconds, job.left))
        except FutureTimeout:
            self.give_up(job)

    def claim(self, job: Job) -> bool:
        """Whether what the job found counts, since it was not given up. Call with GUARD held."""
        job.claimed = not job.given_up
        return job.claimed

    def give_up(self, job: Job) -> None:
        """Let all callers go that wait for a job, here or of other jobs, if it is past its deadline."""
        owner = job.owner or self
        with GUARD:
            if job.left > 0:
                return
            owner._give_up(job)
        owner.launch()
        job.on_end()

    def _may_watch(self) -> bool:
        with GUARD:
            mine = not self._watched
            self._watched = True
        return mine

    def _watch(self) -> None:
        """Wait for that running job which is given up first, and again, as long as jobs stand in line."""
        while (first := self._first()) is not None:
            self.wait(first, first.seconds)

    def _first(self) -> Job | None:
        with GUARD:
            self._watched = bool(self._queued)
            return min(self._running.values(), key=lambda job: job.left) if self._watched else None

    def _admit(self) -> None:
        """Begin those whose turn it is, with GUARD held."""
        while len(self._running) < self._most and (queue := self._next_queue()):
            *_, job = heapq.heappop(queue)
            del self._queued[job.key]
            job.began = time.monotonic()
            self._running[job.key] = job
            self._begun.append(job)

    def _next_queue(self) -> _Queue | None:
        """The queue whose first job may begin; of both, the one whose first job has come before."""
        proven, unproven = self._queues
        if sum(job.unproven for job in self._running.values()) >= max(1, self._most // 2):
            unproven = []
        return min((queue for queue in (proven, unproven) if queue), default=None)

    def _give_up(self, job: Job) -> None:
        if not (job.claimed or job.given_up):
            job.given_up = True
            self._hung[job.key] += 1
            job.on_given_up()
            self._leave(job)
            job.done.set_result(None)

    def _refuse(self, job: Job) -> None:
        """No thread could be started for it."""
        with GUARD:
            job.refused = job.given_up = True
            job.on_refused()
            self._leave(job)
        job.done.set_result(None)

    def _run(self, job: Job) -> None:
        try:
            job.work(job)
        finally:
            with GUARD:
                if job.given_up:  # it hung, and has come back
                    self._hung -= Counter((job.key,))
                job.claimed = True  # a caller that waits still cannot give it up from here on
                self._leave(job)
            if not job.given_up:
                job.done.set_result(None)
            self.launch()
            job.on_end()

    def _leave(self, job: Job) -> None:
        if self._running.get(job.key) is job and job.began is not None:
            del self._running[job.key]
            job.past.took, job.past.answered = time.monotonic() - job.began, job.answered
            self._admit()

    def empty(self) -> None:
        """Forget everything: after a fork no thread of the parent runs here."""
        for held in (self._running, self._queued, self._queues[0], self._queues[1], self._begun, self._hung):
            held.clear()
        self._watched = False


def _started(run: Callable[..., None], *args: Job) -> bool:
    """Whether a thread could be started: none can when the interpreter ends, or the system has no more."""
    # A context of its own: a caller's context variables are not another caller's.
    own = contextvars.Context().run
    try:
        threading.Thread(target=own, args=(run, *args), name="rightkey", daemon=True).start()
    except RuntimeError:
        return False
    return True


JOBS = Jobs()

if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=JOBS.empty)

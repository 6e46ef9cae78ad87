"""The line: how long a refresh may stand in it, by the bound that sources/jobs.py states.

A refresh of a key that was never asked before waits for those that stood ahead of it, on half of the
places; one of a key that has answered before for those alone that have answered, too. Either may wait
for one that has just begun, until that is given up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rightkey.sources.jobs import JOBS, SET_BACK, Job, Past
from simulation.world import Fault, World

NEAR = 0.01


@dataclass
class Place:
    """One refresh's place in the line."""

    since: float
    proven: bool
    never_asked: bool
    until: float
    """Those that have answered and come until then stand ahead of it, if they are quick."""
    most: int
    ahead: list[Job] = field(default_factory=list)


class Line:
    """Watches the library's table of jobs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[Job, Place] = {}
        self.waiting: dict[Job, Place] = {}
        self.took: dict[Job, float] = {}
        self.watches = True
        """Whether each wait is held against the bound; of a thousand that stand in line, that takes long."""
        self.waits: dict[str | None, float] = {}
        """How long the first refresh of each place stood in line."""
        self._start = type(JOBS).start.__get__(JOBS)
        JOBS.start = self.start  # type: ignore[method-assign]

    def start(self, key: Any, seconds: float, *args: Any, most: int, past: Past, **rest: Any) -> Job | None:
        """As `Jobs.start`; it is noted who stands ahead."""
        now = self.world.now
        proven, took = past.answered, past.took
        others = [*JOBS._running.values(), *JOBS._queued.values()]
        place = Place(now, proven, not proven and not took, now + SET_BACK * took, most)
        place.ahead = [job for job in others if self.watches and (not proven or not job.unproven)]
        if proven and self.watches:
            for other in self.waiting.values():
                if other.proven and now <= other.until:
                    other.ahead.append(None)  # type: ignore[arg-type]
        job: Job | None = self._start(key, seconds, *args, most=most, past=past, **rest)
        for other in self.waiting.values() if self.watches else ():
            other.ahead = [one or job for one in other.ahead if one or job]
        if job is not None:
            self.places[job] = self.waiting[job] = place
            self._begun()
        return job

    def has_waited(self, job: Job, place: Place) -> bool:
        """Whether it stands in line, or stood there before it began."""
        return job.began is None or job.began > place.since + NEAR

    def ended(self, job: Job) -> None:
        """A thread has come to its end."""
        self.took[job] = min(job.seconds, self.world.now - (job.began or 0.0))
        self.places.pop(job, None)

    def check(self) -> None:
        """Look whose turn has come, and who should have had it."""
        self._begun()
        for job, place in self.waiting.items() if self.watches else ():
            self._judge(job, place, self.world.now)
        running = JOBS.counts()["running"]
        most = max((place.most for place in self.places.values()), default=running)
        if running > most:
            raise Fault("so many refreshes at once", f"{running} run, of {most}")

    def _begun(self) -> None:
        for job, place in [*self.waiting.items()]:
            if job.began is not None or job.done.done():
                del self.waiting[job]
                if job.began is not None:
                    self._judge(job, place, job.began)

    def _judge(self, job: Job, place: Place, at: float) -> None:
        waited = at - place.since
        if job.began is not None:
            remote: Any = job.key
            self.waits.setdefault(remote.place.url, waited)
        if not (self.watches and (place.proven or place.never_asked)):
            return
        bound = sum(self._durations(place.ahead)) / max(1, place.most // 2) + job.seconds
        if waited > bound + NEAR:
            kind = "that has answered" if place.proven else "that was never asked"
            raise Fault(
                "the wait in line", f"an issuer {kind} waited {waited:.2f} s, and {bound:.2f} s are stated"
            )

    def _durations(self, jobs: Iterable[Job]) -> Iterable[float]:
        for job in jobs:
            if job in self.took:
                yield self.took[job]
            elif job.began is not None:
                yield min(job.seconds, self.world.now - job.began)

"""Watched: the keys in a file or a directory, read again when they have changed.

Nothing watches: whoever needs keys looks, once a second at most, and at once where a token needs newer ones.
A look asks for the times and sizes of local files, and takes microseconds; to read them and to make keys of
them is a job, as a fetch is, so that no loop stands still for it. Whoever finds a change waits for the
reading: what was taken out of a file is not accepted once more because nobody came for an hour.

What cannot be read replaces nothing: it keeps the keys that it had, for as long as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rightkey.errors import IssuerFault, IssuerUnavailable, Misconfigured
from rightkey.freshness.refresh import Elapsed
from rightkey.freshness.status import Status
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import COUNT
from rightkey.sources.files import Stamp, read, shown, stamps
from rightkey.sources.jobs import GUARD, JOBS, READING, Job
from rightkey.sources.source import Located
from rightkey.verdict.held import NOTHING, Held, NeedsNewer

EVERY = 1.0
"""Seconds from one look to the next."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: the keys of each file, and what could not be read."""

    began: float
    moment: int
    stamps: Mapping[Path, Stamp] | None = None
    files: Mapping[Path, KeySet] | None = None
    failure: IssuerFault | None = None


class Watched:
    """Keys in a file or a directory.

    Raises:
        Misconfigured: there is none, or one of the files holds no key that can be used.
    """

    wait = 8.0

    def __init__(self, path: Path, elapsed: Elapsed) -> None:
        self._path = path
        self._elapsed = elapsed
        self._held = NOTHING
        self._look_at = 0.0
        self._reading = Reading(0.0, 0)
        with READING:
            self._take(self._read())
        failure = self._reading.failure
        if failure is not None:
            raise Misconfigured(str(failure), hint=failure.hint)

    # -- what a verifier needs

    def moment(self) -> int:
        return next(COUNT)

    def held(self, *, waited: bool = False) -> Held:
        now = self._elapsed()
        if now < self._look_at:
            return self._held
        if not self._changed():
            self._look_at = now + EVERY
            return self._held
        return self._held if waited else NOTHING

    def obtain(self) -> Job | None:
        return self.refetch()

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        with GUARD:
            job = JOBS.find(self)
        if job is not None or self._reading.moment > came or not self._changed():
            return job
        job = self.refetch()
        if job is None:  # no thread was to be had
            raise self.verdict(need, came, answered=False)
        return job

    def located(self) -> Located:
        reading = self._reading
        return Located(
            self._held.keys,
            failure=reading.failure,
            age=self._elapsed() - reading.began,
            origin=f"in {shown(self._path)}",
        )

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        failure = self._reading.failure
        if need.error is not None and (need.reason == "signature" or (answered and failure is None)):
            return need.error
        error = IssuerUnavailable(
            "keys_unavailable",
            f"the keys in {shown(self._path)} cannot be read anew: {failure or 'it takes too long'}",
            hint="the token may be good: try again later, with the same token",
            retry_after=EVERY,
        )
        error.__cause__ = failure
        return error

    # -- what its owner may do

    def refetch(self) -> Job | None:
        """Read now; joins a reading under way."""
        with GUARD:
            return JOBS.find(self) or JOBS.start(self, self.wait, self._work, self._late, lambda: None)

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if it was asked to be `fresh` and the last reading failed."""
        failure = self._reading.failure
        if fresh and failure is not None:
            raise failure.with_traceback(None)

    def status(self) -> Status:
        """How things are. Files have no life: what was read serves until it is read anew."""
        reading, now = self._reading, self._elapsed()
        look_in = max(0.0, self._look_at - now)
        return Status(
            issuer=shown(self._path),
            keys=len(self._held.keys or ()),
            age=now - reading.began,
            fresh_for=look_in,
            stale_for=math.inf,
            refresh_in=look_in,
            next_attempt_in=look_in,
            draws=0,
            next_draw_in=0.0,
            forced_backoff=0.0,
            metadata_age=None,
            revoked_key_bound=EVERY if reading.failure is None else math.inf,
            moved_key_bound=None,
            last_failure=None if reading.failure is None else str(reading.failure),
        )

    # -- inside

    def _changed(self) -> bool:
        try:
            return stamps(self._path) != self._reading.stamps
        except IssuerFault:
            return self._reading.stamps is not None

    def _work(self, job: Job) -> None:
        with READING:
            reading = self._read()
        with GUARD:
            if JOBS.claim(job):
                self._take(reading)

    def _late(self) -> None:
        failure = IssuerUnavailable(
            "keys_unavailable", f"{shown(self._path)}: not read within {self.wait:g} s"
        )
        self._take(replace(self._reading, failure=failure))

    def _read(self) -> Reading:
        """Read every file. One that cannot be read keeps the keys it had; one that is gone loses them."""
        before, began, moment = self._reading.files or {}, self._elapsed(), self.moment()
        try:
            found = stamps(self._path)  # before what they stamp is read: what changes meanwhile is seen later
        except IssuerFault as failure:
            return Reading(began, moment, None, before, failure)
        files: dict[Path, KeySet] = {}
        failed: IssuerFault | None = None
        for file in found:
            try:
                files[file] = read(file, file != self._path)
            except IssuerFault as failure:
                failed = failed or failure
                if file in before:
                    files[file] = before[file]
        return Reading(began, moment, found, files, failed)

    def _take(self, reading: Reading) -> None:
        held = Held(KeySet.union((reading.files or {}).values()))
        if held != self._held:  # the same object for the same keys: what remembers by it need not look again
            self._held = held
        self._reading = reading
        self._look_at = reading.began + EVERY

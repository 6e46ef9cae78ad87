"""Watched: the keys in a file or a directory, read again when they have changed.

A caller that needs keys has the files looked at, once a second at most, and at once where a token needs newer
ones. To look at them and to read them is a job, as a fetch is: a disk that hangs blocks no event loop. A
caller waits for a look that is due: what was taken out of a file is not accepted once more after an idle
hour.

What cannot be read replaces nothing: it keeps the keys that it had, for as long as it takes, and from then on
no caller waits until it can be read again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rightkey.errors import IssuerFault, IssuerUnavailable, Misconfigured
from rightkey.freshness.record import Record
from rightkey.freshness.refresh import Elapsed
from rightkey.freshness.status import Status
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import COUNT
from rightkey.sources.files import Stamp, read, shown, stamps
from rightkey.sources.guard import GUARD, reading
from rightkey.sources.jobs import JOBS, Job, Past
from rightkey.sources.source import Located
from rightkey.verdict.held import NOTHING, Held, NeedsNewer, Outlook

EVERY = 1.0
"""Seconds from one look at a file of keys to the next."""
MAX_LOOKS = 32
"""Looks at files, and refreshes, that run at once; more stand in line."""


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

    wait = 8.0  # as of `Freshness` by default, whose settings are for issuers and not for disks

    def __init__(self, path: Path, elapsed: Elapsed, record: Record) -> None:
        self._path = path
        self._elapsed = elapsed
        self._record = record
        self._past = Past()
        self._held = NOTHING
        self._look_at = 0.0
        self._reading = Reading(0.0, 0)
        self._take(self._read())
        record.readers.add(self)
        failure = self._reading.failure
        if failure is not None:
            raise Misconfigured(str(failure), hint=failure.hint)

    # -- what a verifier needs

    def held(self, *, waited: bool = False) -> Held:
        if self._elapsed() < self._look_at:
            return self._held
        if waited or self._reading.failure is None:
            return self._held if waited else NOTHING
        self.refetch()  # the last reading failed: no caller waits for the next one
        return self._held

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        reading = self._reading
        if need.reason != "no_keys" and reading.moment > moment:
            return self._outlook(reading.failure)
        return self.refetch() or self.unanswered(need, moment)

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        return self._outlook(self._reading.failure or self._late_failure())

    def located(self) -> Located:
        reading = self._reading
        return Located(
            self._held.keys,
            failure=reading.failure,
            age=self._elapsed() - reading.began,
            origin=f"in {shown(self._path)}",
        )

    # -- what its owner may do

    def refetch(self) -> Job | None:
        """Look now, and read what has changed; joins a look that is under way."""
        with GUARD:
            job = JOBS.find(self) or JOBS.start(
                self,
                self.wait,
                self._work,
                on_given_up=lambda: self._take(replace(self._reading, failure=self._late_failure())),
                on_refused=lambda: None,
                on_end=lambda: None,
                most=MAX_LOOKS,
                past=self._past,
            )
        JOBS.launch()
        return job

    obtain = refetch  # no budget bounds how often a file is looked at

    def republish(self) -> None:
        """Leave out what the issuer's record refuses since."""
        self._take(self._reading)

    def status(self) -> Status:
        """How things are. Files have no life: what was read serves until it is read again."""
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

    def _outlook(self, failure: IssuerFault | None) -> Outlook:
        """Why no newer keys are coming. `failure`: what the last reading ended with."""
        if failure is None:
            return Outlook()
        error = IssuerUnavailable(
            "keys_unavailable",
            f"{shown(self._path)} cannot be read: {failure}",
            hint=failure.hint or IssuerFault.advice,
            retry_after=EVERY,
        )
        error.__cause__ = failure
        return Outlook(confirmed=False, unavailable=error)

    def _late_failure(self) -> IssuerUnavailable:
        return IssuerUnavailable("keys_unavailable", f"{shown(self._path)}: not read within {self.wait:g} s")

    def _work(self, job: Job) -> None:
        reading = self._read()
        with GUARD:
            if JOBS.claim(job):
                job.answered = True
                self._take(reading)

    def _read(self) -> Reading:
        """Read what has changed. A file that cannot be read keeps the keys it had; one that is gone loses
        them."""
        last, began, moment = self._reading, self._elapsed(), next(COUNT)
        before = last.files or {}
        try:
            found = stamps(self._path)  # before what they stamp is read: what changes meanwhile is seen later
        except IssuerFault as failure:
            return Reading(began, moment, None, before, failure)
        if found == last.stamps:
            return replace(last, began=began, moment=moment)
        files: dict[Path, KeySet] = {}
        failed: IssuerFault | None = None
        for file in found:
            try:
                keys = read(file, file != self._path, reading)
                keys.require_no_older_than(before.get(file, keys))
                files[file] = keys
            except IssuerFault as failure:
                failed = failed or failure
                if file in before:
                    files[file] = before[file]
        return Reading(began, moment, found, files, failed)

    def _take(self, reading: Reading) -> None:
        keys = self._record.distrusted.taken_from(KeySet.union((reading.files or {}).values()))
        held = Held(keys)
        if held != self._held:  # the same object for the same keys: what remembers by it need not look again
            self._held = held
        self._reading = reading
        self._look_at = reading.began + EVERY

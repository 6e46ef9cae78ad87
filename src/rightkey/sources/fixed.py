"""Fixed: a key set that was passed in, and never changes but for what is distrusted."""

from __future__ import annotations

import math

from rightkey.freshness.record import Record
from rightkey.freshness.status import Status
from rightkey.jose.keyset import KeySet
from rightkey.sources.jobs import Job
from rightkey.sources.source import Located
from rightkey.verdict.held import Held, NeedsNewer, Outlook


class Fixed:
    """Keys as they were given, less what the issuer's record refuses."""

    wait = 0.0

    def __init__(self, keys: KeySet, record: Record) -> None:
        self._keys, self._record = keys, record
        self.republish()
        record.readers.add(self)

    def republish(self) -> None:
        """Leave out what is refused since."""
        self._held = Held(self._record.distrusted.taken_from(self._keys))

    def held(self, *, waited: bool = False) -> Held:
        return self._held

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        return Outlook()

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        return Outlook()

    def located(self) -> Located:
        return Located(self._held.keys)

    def status(self) -> Status:
        return Status(
            issuer="handed over",
            keys=len(self._keys),
            age=None,
            fresh_for=None,
            stale_for=math.inf,
            refresh_in=None,
            next_attempt_in=0.0,
            draws=0,
            next_draw_in=0.0,
            forced_backoff=0.0,
            metadata_age=None,
            revoked_key_bound=None,
            moved_key_bound=None,
            last_failure=None,
        )

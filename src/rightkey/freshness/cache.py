"""Cache: what is held of one issuer, and when to serve it, refresh it, wait for it, or refuse.

A plain machine without a clock, lock or thread: whoever drives it passes the time, in `elapsed` seconds,
and lets one thread in at a time. Readers take `held`, which is replaced whole and never changed.

    serve(now)          may the held keys be used, and is a refresh due?
    ask(now, need)      may a token that the held keys do not satisfy have them fetched anew?
    plan(...)           what the refresh starts from
    take(...)           what came of it
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import replace

from rightkey.errors import IssuerFault, IssuerUnavailable
from rightkey.events import (
    Event,
    FetchFailed,
    KeysFetched,
    KeysMissing,
    KeysRotated,
    RefetchRefused,
    ServedStale,
)
from rightkey.freshness.budget import Backoff, Draws, Settled
from rightkey.freshness.distrust import Distrusted
from rightkey.freshness.refresh import Plan, Refreshed
from rightkey.freshness.settings import Freshness
from rightkey.freshness.snapshot import Snapshot, renewed, respread, snapshot_of, with_grace
from rightkey.freshness.status import Status, status_of
from rightkey.issuer.discovery import Metadata
from rightkey.jose.keyset import KeySet
from rightkey.verdict.held import NOTHING, Held, NeedsNewer


class Serve(enum.Enum):
    """What to do for a caller who needs keys."""

    HELD = "use what is held"
    HELD_AND_REFRESH = "use what is held, and have it refreshed meanwhile"
    WAIT = "wait for one attempt"
    REFUSE = "nothing is held, and it is too early to ask again"


class Ask(enum.Enum):
    """What to do for a token that the held keys do not satisfy."""

    REFETCH = "fetch them anew"
    SETTLED = "an answer has settled it"
    SPENT = "the budget is spent"
    BACKING_OFF = "the issuer failed, and it is too early to ask again"


class Cache:
    """The state of one issuer's keys, and every rule about it."""

    def __init__(self, name: str, freshness: Freshness) -> None:
        self.name = name
        self.freshness = freshness
        self.snapshot: Snapshot | None = None
        self.held: Held = NOTHING
        self.metadata: Metadata | None = None
        self.metadata_began = 0.0
        self.last_failure: IssuerFault | None = None
        self.last_answer = 0
        """The moment at which the request of the latest good answer began, by its source's count."""
        self._failure_began = float("-inf")
        self._scheduled = Backoff()
        self._forced = Backoff()
        self._draws = Draws(float(freshness.draws), freshness.draw_every)
        self._settled = Settled()
        self._distrusted = Distrusted()

    # -- serving

    def serve(self, now: float, *, waited: bool = False) -> Serve:
        """Whether the held keys may be used.

        Args:
            waited: whether this caller has waited for an attempt already.
        """
        snapshot = self.snapshot
        if snapshot is not None and now < snapshot.refresh_at:
            return Serve.HELD
        if snapshot is not None and snapshot.lingering and now >= snapshot.linger_until:
            self._publish(replace(snapshot, lingering=()))
        may_ask = now >= self._scheduled.until
        if snapshot is None or now >= snapshot.stale_until:
            return Serve.WAIT if may_ask else Serve.REFUSE
        if not may_ask:
            return Serve.HELD
        # Past its life one attempt is waited for: a service that idled may hold what was revoked long
        # ago. If it fails, what is held serves on, and nobody waits for the attempts that follow. One that
        # is under way has not failed: who comes meanwhile waits for it as well.
        waited = waited or now < snapshot.fresh_until or self._failure_began >= snapshot.fresh_until
        return Serve.HELD_AND_REFRESH if waited else Serve.WAIT

    def unavailable(self, now: float) -> IssuerUnavailable:
        """The error where nothing can be served; chained to what failed last."""
        failure = self.last_failure
        why = f": {failure}" if failure is not None else ""
        error = IssuerUnavailable(
            "keys_unavailable",
            f"the keys of issuer {self.name!r} are not available{why}",
            hint="the token may be good: try again later, with the same token",
            retry_after=max(1.0, self._scheduled.left(now), self._forced.left(now)),
        )
        error.__cause__ = failure
        return error

    # -- asking for newer keys

    def ask(self, now: float, need: NeedsNewer) -> Ask:
        """Whether this token may have the keys fetched anew; draws from the budget if so."""
        question = _question(need)
        if self._settled.holds(question, now):
            return Ask.SETTLED
        if self._forced.left(now):
            return Ask.BACKING_OFF
        first_time = need.reason == "nothing_fits" and question not in self._settled
        drawn = self._draws.draw(now, may_take_last=first_time)
        return Ask.REFETCH if drawn else Ask.SPENT

    def ask_metadata(self, now: float, need: NeedsNewer) -> bool:
        """Whether the metadata may be read anew, since a forced refetch of the keys alone brought nothing
        new; draws if so. To be asked before the question is settled, and so once for each asking.
        """
        question = _question(need)
        if self.metadata is None or now - self.metadata_began <= self.freshness.metadata_recheck:
            return False
        if not self._draws.barren or self._forced.left(now) or self._settled.holds(question, now):
            return False
        return self._draws.draw(now, may_take_last=need.reason == "nothing_fits")

    def not_asked(self) -> None:
        """What was drawn for comes to nothing, since no thread was to be had."""
        self._draws.give_back()

    def settle(self, now: float, need: NeedsNewer) -> None:
        """An answer whose request began after the token came has not mended it."""
        self._settled.settle(_question(need), now)

    def verdict(self, now: float, need: NeedsNewer, *, confirmed: bool) -> Exception:
        """What a token is told that newer keys did not mend.

        Args:
            confirmed: whether an answer has settled it.
        """
        if need.error is None:
            return self.unavailable(now)
        if need.reason == "signature" or confirmed or self.last_failure is None:
            return need.error
        return self.unavailable(now)

    def refused(self, now: float) -> RefetchRefused:
        return RefetchRefused(self.name, self._draws.left(now))

    # -- refreshing

    def plan(self, now: float, *, forced: bool = False, metadata: bool = False) -> Plan:
        """What a refresh starts from.

        Args:
            forced: whether a token asked for it.
            metadata: whether the metadata is to be read anew whatever its age.
        """
        age = now - self.metadata_began
        snapshot = self.snapshot
        return Plan(
            metadata=self.metadata if age < self.freshness.metadata_life and not metadata else None,
            fallback=self.metadata
            if age < self.freshness.metadata_life + self.freshness.metadata_stale
            else None,
            url=snapshot.url if snapshot else None,
            etag=snapshot.etag if snapshot else None,
            modified=snapshot.modified if snapshot else None,
            forced=forced,
        )

    def take(self, refreshed: Refreshed, now: float, jitter: float, *, forced: bool) -> list[Event]:
        """Take in what came of a refresh.

        Args:
            jitter: from 0 to 1, drawn anew each time.
        """
        if refreshed.metadata is not None and refreshed.metadata_began is not None:
            self.metadata, self.metadata_began = refreshed.metadata, refreshed.metadata_began
        leaked = self._distrusted.note_leaks(self.name, refreshed)
        if refreshed.failure is not None:
            self._failure_began = refreshed.began
            events = self._failed(refreshed.failure, now, jitter, forced)
            self._publish(self.snapshot)
        else:
            events = self._succeeded(refreshed, now, jitter, forced)
        return [*leaked, *events]

    def spread(self, jitter: float) -> None:
        """Refresh at another moment of the last fifth: forked workers must not ask all at once."""
        if self.snapshot is not None:
            self.snapshot = respread(self.snapshot, jitter)

    def distrust(self, name: str) -> None:
        """Refuse, from now on, the keys with this key id or thumbprint."""
        self._distrusted.distrusted.add(name)
        self._publish(self.snapshot)

    def _succeeded(self, refreshed: Refreshed, now: float, jitter: float, forced: bool) -> list[Event]:
        self._scheduled.succeeded()
        self._forced.succeeded()
        self.last_failure = None
        before = self.snapshot
        if before is not None and refreshed.began < before.began:
            self._publish(before)
            return []  # overtaken: what a later request brought is newer
        self.last_answer = refreshed.moment
        same = before is not None and (
            refreshed.keys is None or refreshed.keys.identities == before.published.identities
        )
        published = (
            before.published if before and (same and not _judged_anew(refreshed, before)) else refreshed.keys
        )
        assert published is not None  # noqa: S101 - without keys before, no answer is 304
        headers = (
            renewed(before, refreshed.headers) if before and refreshed.keys is None else refreshed.headers
        )
        snapshot = snapshot_of(
            published, published, refreshed.began, headers, self.freshness, jitter, refreshed.url
        )
        self._publish(with_grace(snapshot, before, now, self._grace))
        if forced or not same:
            self._draws.answered(now, new=not same)
        fetched = KeysFetched.of(self.name, published, forced=forced)
        if same or before is None:
            return [fetched]
        self._settled.clear()
        events: list[Event] = [fetched]
        if self.snapshot and self.snapshot.lingering:
            events.append(KeysMissing.of(self.name, KeySet(self.snapshot.lingering), self._grace))
        return [*events, KeysRotated.between(self.name, before.published, published)]

    def _failed(self, failure: IssuerFault, now: float, jitter: float, forced: bool) -> list[Event]:
        retry_after = failure.retry_after if isinstance(failure, IssuerUnavailable) else None
        backoff = self._forced if forced else self._scheduled
        backoff.failed(now, jitter, retry_after)
        self.last_failure = failure
        events: list[Event] = [FetchFailed(self.name, failure.code, str(failure), forced, backoff.left(now))]
        if self.snapshot and self.snapshot.fresh_until <= now < self.snapshot.stale_until:
            events.append(ServedStale(self.name, self.snapshot.stale_until - now))
        return events

    def _publish(self, snapshot: Snapshot | None) -> None:
        """Make it what readers see: the keys before their times, since readers take the times first."""
        if snapshot is None:
            return
        served = snapshot.published
        if snapshot.lingering:
            served = KeySet(served.keys + snapshot.lingering, served.skipped)
        keys = self._distrusted.taken_from(served)
        held = Held(keys, self.metadata.expected if self.metadata else None)
        if held != self.held:  # the same object for the same keys: what remembers by it need not look again
            self.held = held
        self.snapshot = replace(snapshot, keys=keys)

    def may_be_forgotten(self, now: float) -> bool:
        """Whether nobody gains anything if all this begins anew."""
        self._draws.refill(now)
        full = self._draws.level >= self._draws.most and not self._draws.barren
        return full and not (self._distrusted.leaked or self._scheduled.left(now) or self._forced.left(now))

    @property
    def _grace(self) -> float:
        return self.freshness.grace or 0.0

    def status(self, now: float) -> Status:
        """How things are."""
        return status_of(
            self.name,
            self.snapshot,
            self.freshness,
            now,
            metadata_age=None if self.metadata is None else now - self.metadata_began,
            scheduled=self._scheduled,
            forced=self._forced,
            draws=self._draws,
            failure=self.last_failure,
        )


def _question(need: NeedsNewer) -> bytes:
    """What a token asks, as a digest: headers come from strangers, and may be long."""
    header = need.header
    if need.reason == "signature":  # whoever forges may vary the rest at will
        asked = [need.reason, header.kid, *sorted(key.thumbprint for key in need.tried)]
    else:
        asked = [need.reason, header.kid, header.x5t, header.x5t_s256, header.alg]
    return hashlib.blake2b(repr(asked).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _judged_anew(refreshed: Refreshed, before: Snapshot) -> bool:
    """Whether the same keys come with something else that is new: certificates, or what was skipped."""
    return refreshed.keys is not None and refreshed.keys != before.published

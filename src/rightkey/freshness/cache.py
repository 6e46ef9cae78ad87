"""Cache: the keys held of one issuer, and when to serve them, refresh them, wait for newer ones, or refuse.

A plain machine without a clock, lock or thread: the caller passes the time, in `elapsed` seconds, and lets
one thread in at a time. It knows one snapshot of keys, which passes through these states:

    state        from              to                 may ask           may not ask (backing off)
    no keys      the start         the first answer   WAIT              REFUSE
    fresh        a good answer     refresh_at         HELD              HELD
    due          refresh_at        fresh_until        HELD_AND_REFRESH  HELD
    past life    fresh_until       stale_until        WAIT once, then   HELD
                                                      HELD_AND_REFRESH
    past bound   stale_until       the next answer    WAIT              REFUSE

`refresh_at` lies in the last fifth of the life, with jitter. Past its life one attempt is waited for: a
service that idled may hold what was revoked long ago. If that attempt failed, what is held serves on, and
later attempts run detached. Only a good answer moves a snapshot back to fresh, and only time moves it on.

Readers take `held`, which is replaced whole and never changed. It is what was published, with what lingers
under a grace, less what leaked or is distrusted: those belong to the issuer's record, as its budget does.

    serve(now)          may the held keys be used, and is a refresh due?
    ask(now, need)      may a token that the held keys do not satisfy have them fetched again?
    plan(...)           what the refresh starts from
    take(...)           what came of it
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
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
from rightkey.freshness.budget import Backoff, Draws
from rightkey.freshness.record import Record
from rightkey.freshness.refetch import RefetchDecision, RefetchGate
from rightkey.freshness.refresh import Plan, Refreshed
from rightkey.freshness.settings import Freshness
from rightkey.freshness.snapshot import Snapshot, renewed, respread, snapshot_of, with_grace
from rightkey.freshness.status import Status, status_of
from rightkey.issuer.discovery import Metadata
from rightkey.jose.keyset import KeySet
from rightkey.verdict.held import NOTHING, Held, NeedsNewer, Outlook


class Serve(enum.Enum):
    """What to do for a caller who needs keys; the table above."""

    HELD = "use what is held"
    HELD_AND_REFRESH = "use what is held, and have it refreshed meanwhile"
    WAIT = "wait for one attempt"
    REFUSE = "nothing is held, and it is too early to ask again"


class Cache:
    """The state of one issuer's keys.

    Args:
        name: what messages and events call the issuer.
        freshness: the settings.
        record: what holds for the issuer, however it is named.
        budget_of: the budget of an issuer, by its identity, or of a place, by its URL.
        url: where its keys are, if that is known.
    """

    def __init__(
        self,
        name: str,
        freshness: Freshness,
        record: Record,
        budget_of: Callable[[str], Draws],
        url: str | None = None,
    ) -> None:
        self.name = name
        self.freshness = freshness
        self.snapshot: Snapshot | None = None
        self.held: Held = NOTHING
        self.metadata: Metadata | None = None
        self.metadata_began = 0.0
        self.last_failure: IssuerFault | None = None
        self.last_answer = 0
        """When the request of the latest good answer began, by COUNT."""
        self._failure_began = float("-inf")
        self._scheduled = Backoff()
        self._gate = RefetchGate(freshness)
        self._record = record
        self._budget_of, self._url = budget_of, url
        record.readers.add(self)

    # -- serving

    def serve(self, now: float, *, waited: bool = False) -> Serve:
        """Whether the held keys may be used. `waited`: the caller has waited for an attempt already."""
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
        # An attempt that is under way has not failed: callers that come meanwhile wait for it as well.
        waited = waited or now < snapshot.fresh_until or self._failure_began >= snapshot.fresh_until
        return Serve.HELD_AND_REFRESH if waited else Serve.WAIT

    def unavailable(self, now: float) -> IssuerUnavailable:
        """The error where nothing can be served; chained to what failed last."""
        failure = self.last_failure
        why = f": {failure}" if failure is not None else ""
        error = IssuerUnavailable(
            "keys_unavailable",
            f"the keys of issuer {self.name!r} are not available{why}",
            hint=IssuerFault.advice if failure is None else failure.hint or failure.advice,
            retry_after=max(1.0, self._scheduled.left(now), self._gate.backoff.left(now)),
        )
        error.__cause__ = failure
        return error

    # -- asking for newer keys

    def ask(self, now: float, need: NeedsNewer) -> RefetchDecision:
        """Whether this token may have the keys fetched again; draws from the budgets if so."""
        return self._gate.ask(now, need, self._accounts)

    def ask_metadata(self, now: float, need: NeedsNewer) -> bool:
        """Whether the metadata may be read again, since a forced refetch of the keys brought nothing new."""
        if self.metadata is None:
            return False
        return self._gate.ask_metadata(now, need, now - self.metadata_began, self._accounts)

    def least_of(self, need: NeedsNewer) -> float:
        """How many draws there must be for this token to take one."""
        return 1.0 if self._gate.may_take_last(need) else 2.0

    def not_asked(self) -> None:
        """No request was made: return what was drawn."""
        self._gate.not_asked(self._accounts)

    def settle(self, now: float, need: NeedsNewer) -> None:
        """An answer whose request began after the token came has not mended it."""
        self._gate.settle(now, need)

    def outlook(self, now: float, need: NeedsNewer, moment: int) -> Outlook:
        """Why no newer keys are coming for a token.

        Args:
            moment: when it came, by COUNT.
        """
        if need.reason == "no_keys":
            return Outlook(confirmed=False, unavailable=self.unavailable(now))
        if self.last_answer > moment:
            return Outlook()
        failed = self.unavailable(now) if self.last_failure is not None else None
        left = self._gate.left(now, need, self._accounts)
        return Outlook(confirmed=False, unavailable=failed, retry_after=max(1.0, left))

    def refused(self, now: float) -> list[RefetchRefused]:
        """The event for a token that the budget refused, if it is time for one."""
        return self._gate.refused(self.name, now, self._accounts)

    @property
    def _accounts(self) -> Sequence[Draws]:
        """The issuer's budget, and that of the place its keys come from: many names may lead to one place."""
        url = self.snapshot.url if self.snapshot else self._url
        named = self._budget_of(self._record.identity)
        return (named,) if url is None else (named, self._budget_of(url))

    # -- refreshing

    def plan(self, now: float, *, forced: bool = False, metadata: bool = False, least: float = 1.0) -> Plan:
        """What a refresh starts from.

        Args:
            forced: whether a token asked for it.
            least: how many draws a fleet must have for it.
            metadata: whether the metadata is to be read again whatever its age.
        """
        age, life = now - self.metadata_began, self.freshness.metadata_life
        snapshot = self.snapshot
        # Without a condition where that may be what failed, or would hide keys behind a validator that stays.
        valid = None if forced or self.last_failure is not None else snapshot
        return Plan(
            metadata=self.metadata if age < life and not metadata else None,
            fallback=self.metadata if age < life + self.freshness.metadata_stale else None,
            url=snapshot.url if snapshot else None,
            etag=valid.etag if valid else None,
            modified=valid.modified if valid else None,
            forced=forced,
            every=max(account.interval(self.freshness) for account in self._accounts),
            least=least,
        )

    def take(self, refreshed: Refreshed, now: float, jitter: float, *, forced: bool) -> list[Event]:
        """Take in what came of a refresh.

        Args:
            jitter: from 0 to 1, drawn again each time.
        """
        if refreshed.metadata is not None and refreshed.metadata_began is not None:
            self.metadata, self.metadata_began = refreshed.metadata, refreshed.metadata_began
        leaked = self._record.note(self.name, refreshed)
        if self.snapshot is not None and now < self.snapshot.stale_until:
            refreshed = refreshed.unless_older(self.snapshot.published)
        if refreshed.failure is not None:
            self._failure_began = refreshed.began
            events = self._failed(refreshed, refreshed.failure, now, jitter, forced)
            self._publish(self.snapshot)  # the metadata may be newer, though the keys are not
        elif refreshed.spent_for is not None:
            self._gate.spend_for(now, refreshed.spent_for, self._accounts)
            self._publish(self.snapshot)
            return leaked
        else:
            events = self._succeeded(refreshed, now, jitter, forced)
        return [*leaked, *events]

    def spread(self, jitter: float) -> None:
        """Refresh at another moment of the last fifth: forked workers must not ask all at once."""
        if self.snapshot is not None:
            self.snapshot = respread(self.snapshot, jitter)

    def republish(self) -> None:
        """Leave out what the issuer's record refuses since."""
        self._publish(self.snapshot)

    def _succeeded(self, refreshed: Refreshed, now: float, jitter: float, forced: bool) -> list[Event]:
        failures = self._scheduled.failures + self._gate.backoff.failures
        self._scheduled.succeeded()
        self.last_failure = None
        before = self.snapshot
        if before is not None and refreshed.began < before.began:
            self._gate.backoff.succeeded()
            self._publish(before)
            return []  # overtaken: what a later request brought is newer
        self.last_answer = max(self.last_answer, refreshed.moment)
        keys, headers = refreshed.keys, refreshed.headers
        if keys is None:
            assert before is not None  # noqa: S101 - without keys before, no answer is 304
            keys, headers = before.published, renewed(before, headers)
        # Equal keys stay one object: by it, and not by looking at the keys, remembered tokens know the set.
        published = before.published if before and keys == before.published else keys
        same = before is not None and keys.identities == before.published.identities
        times = (refreshed.began, headers, self.freshness, jitter, refreshed.url)
        snapshot = snapshot_of(published, published, *times)  # `_publish` takes out what is refused
        self._publish(with_grace(snapshot, before, now, self._grace))
        self._gate.answered(now, self._accounts, forced=forced, new=not same)
        if forced and refreshed.shared:
            self.not_asked()  # another process has asked, and drawn
        status, seconds = refreshed.status, refreshed.seconds
        fetched = KeysFetched.of(
            self.name, published, forced=forced, status=status, seconds=seconds, failures=failures
        )
        if same or before is None:
            return [fetched]
        events: list[Event] = [fetched]
        if self.snapshot and self.snapshot.lingering:
            events.append(KeysMissing.of(self.name, KeySet(self.snapshot.lingering), self._grace))
        return [*events, KeysRotated.between(self.name, before.published, published)]

    def _failed(
        self, refreshed: Refreshed, failure: IssuerFault, now: float, jitter: float, forced: bool
    ) -> list[Event]:
        retry_after = failure.retry_after if isinstance(failure, IssuerUnavailable) else None
        backoff = self._gate.backoff if forced else self._scheduled
        backoff.failed(now, jitter, retry_after)
        self.last_failure = failure
        failed = (self.name, failure.code, str(failure), forced, backoff.left(now))
        events: list[Event] = [FetchFailed(*failed, refreshed.reason, refreshed.seconds)]
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
        keys = self._record.distrusted.taken_from(served)
        held = Held(keys, self.metadata.expected if self.metadata else None)
        if held != self.held:  # the same object for the same keys: what remembers by it need not look again
            self.held = held
        self.snapshot = replace(snapshot, keys=keys)

    def may_be_forgotten(self, now: float) -> bool:
        """Whether this may start over without asking an issuer earlier than it may be asked."""
        return not (self._scheduled.left(now) or self._gate.backoff.left(now))

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
            forced=self._gate.backoff,
            accounts=self._accounts,
            failure=self.last_failure,
        )

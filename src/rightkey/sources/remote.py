"""Remote: an issuer's keys over the network, kept fresh by `Upkeep` and fetched by jobs.

This is where the pure machine meets clocks, threads and a transport. Every decision is made with GUARD
held; every fetch, wait and listener is without it.
"""

from __future__ import annotations

import random
import weakref
from collections import deque
from collections.abc import Iterable

from rightkey.errors import IssuerUnavailable
from rightkey.events import Event, Listener
from rightkey.exchange import Transport
from rightkey.explaining import Located
from rightkey.freshness import Freshness
from rightkey.issuer.discovery import Metadata
from rightkey.jobs import GUARD, JOBS, READING, Job
from rightkey.refresh import Elapsed, Place, Refresh, Refreshed
from rightkey.sources import MOMENTS
from rightkey.status import Status
from rightkey.upkeep import Ask, Serve, Upkeep
from rightkey.verdict.held import NOTHING, Held, NeedsNewer


class Subscription:
    """A listener, for as long as its verifier lives."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener


class Remote:
    """One issuer's keys, shared by every verifier of the process that asks for the same."""

    def __init__(
        self,
        place: Place,
        transport: Transport,
        freshness: Freshness,
        elapsed: Elapsed,
        distrusted: Iterable[str] = (),
    ) -> None:
        self.place = place
        self.transport = transport
        self.freshness = freshness
        self.elapsed = elapsed
        self.wait = freshness.wait
        self.listener_errors = 0
        self._last: Refreshed | None = None
        self._upkeep = Upkeep(place.name, freshness)
        for name in distrusted:
            self._upkeep.distrust(name)
        self._untold: deque[Event] = deque()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self, subscription: Subscription) -> None:
        """Tell this listener what happens, while its subscription lives."""
        with GUARD:
            self._subscriptions.add(subscription)

    # -- what a verifier needs

    def moment(self) -> int:
        return next(MOMENTS)

    def held(self, *, waited: bool = False) -> Held:
        snapshot = self._upkeep.snapshot
        now = self.elapsed()
        if snapshot is not None and now < snapshot.refresh_at:
            return self._upkeep.held  # the warm path: no lock
        with GUARD:
            serve = self._upkeep.serve(now, waited=waited)
            if serve is Serve.HELD_AND_REFRESH and JOBS.find(self) is None:
                self._start()
            return self._upkeep.held if serve in (Serve.HELD, Serve.HELD_AND_REFRESH) else NOTHING

    def obtain(self) -> Job | None:
        with GUARD:
            job = JOBS.find(self)
            if job is None and self._upkeep.serve(self.elapsed()) is Serve.WAIT:
                job = self._start()
        self._tell()
        return job

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        with GUARD:
            job = self._newer(need, came)
            if job is not None and waiter is not None:
                if len(job.waiters) >= self.freshness.waiting_threads:
                    raise self._too_many(need)
                job.waiters.add(waiter)
        self._tell()
        return job

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        with GUARD:
            if not answered:
                return self._unanswered(need)
            confirmed = self._upkeep.last_answer > came
            return self._upkeep.verdict(self.elapsed(), need, confirmed=confirmed)

    # -- what its owner may do

    def refetch(self) -> Job | None:
        """Fetch now, whatever backoff and budget say; joins a job in flight."""
        with GUARD:
            return JOBS.find(self) or self._start()

    def distrust(self, name: str) -> None:
        """Refuse the keys with this key id or thumbprint from now on, in every verifier of this issuer."""
        with GUARD:
            self._upkeep.distrust(name)

    def may_be_forgotten(self) -> bool:
        """Whether nobody gains anything if all this begins anew. Call with GUARD held."""
        return self._upkeep.may_be_forgotten(self.elapsed())

    def status(self) -> Status:
        """How things are."""
        with GUARD:
            return self._upkeep.status(self.elapsed())

    def located(self) -> Located:
        """Where the keys are and what came of the last attempt, for whoever explains."""
        with GUARD:
            upkeep, last = self._upkeep, self._last
            snapshot, jwks_uri = upkeep.snapshot, self.place.url
            if jwks_uri is None and upkeep.metadata is not None:
                jwks_uri = upkeep.metadata.jwks_uri
            gone = snapshot is None or self.elapsed() >= snapshot.stale_until
            return Located(
                keys=None if gone else upkeep.held.keys,
                issuer=upkeep.metadata.issuer if upkeep.metadata else None,
                expected=upkeep.metadata.expected if upkeep.metadata else None,
                jwks_uri=jwks_uri,
                requests=last.requests if last else (),
                failure=upkeep.last_failure,
                age=self.elapsed() - snapshot.began if snapshot else None,
                origin=f"at {jwks_uri}" if jwks_uri else f"of {self.place.name}",
            )

    @property
    def metadata(self) -> Metadata | None:
        """What the issuer says of itself."""
        return self._upkeep.metadata

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if no keys may be used.

        Args:
            fresh: whether what is held does not count where the last attempt failed.
        """
        with GUARD:
            upkeep = self._upkeep
            failure = upkeep.last_failure
            served = upkeep.serve(self.elapsed(), waited=True) in (Serve.HELD, Serve.HELD_AND_REFRESH)
            if served and not (fresh and failure is not None):
                return
            # It is kept, and may be raised again: without the frames of whoever had it before.
            raise (failure or upkeep.unavailable(self.elapsed())).with_traceback(None)

    # -- inside

    def _newer(self, need: NeedsNewer, came: int) -> Job | None:
        """Decide, with GUARD held."""
        job = JOBS.find(self)
        if job is not None:
            return job  # joining is free
        upkeep, now = self._upkeep, self.elapsed()
        if upkeep.last_answer > came:  # asked and answered: it is final, unless the keys have moved
            moved = upkeep.ask_metadata(now, need)
            upkeep.settle(now, need)
            return self._start(forced=True, metadata=True) if moved else None
        ask = upkeep.ask(now, need)
        if ask is Ask.SPENT:
            self._untold.append(upkeep.refused(now))
        if ask is not Ask.REFETCH:
            return None
        job = self._start(forced=True)
        if job is None:  # no thread was to be had
            upkeep.not_asked()
            raise self._unanswered(need)
        return job

    def _start(self, *, forced: bool = False, metadata: bool = False) -> Job | None:
        """Start a refresh, with GUARD held."""

        def work(job: Job) -> None:
            with GUARD:
                plan = self._upkeep.plan(self.elapsed(), forced=forced, metadata=metadata)
            refresh = Refresh(self.place, self.transport, self.freshness, self.elapsed, self.moment, READING)
            refreshed = refresh.run(plan)
            with GUARD:
                if JOBS.claim(job):
                    self._last = refreshed
                    self._take(refreshed, forced)

        def late() -> None:
            why = f"no answer within {self.freshness.wait:g} s"
            self._take(Refreshed(self.elapsed(), failure=IssuerUnavailable("keys_unavailable", why)), forced)

        return JOBS.start(self, self.freshness.wait, work, late, self._tell)

    def spread(self) -> None:
        """Draw the moment of the next refresh anew. Called in a forked child, where nothing else runs."""
        self._upkeep.spread(random.random())  # noqa: S311 - spreads load, keeps no secret

    def _take(self, refreshed: Refreshed, forced: bool) -> None:
        jitter = random.random()  # noqa: S311 - spreads load, keeps no secret
        self._untold += self._upkeep.take(refreshed, self.elapsed(), jitter, forced=forced)

    def _tell(self) -> None:
        """Tell the listeners what has happened, without GUARD. Their exceptions are counted, not raised."""
        while True:
            try:
                event = self._untold.popleft()
            except IndexError:  # there is no more, or another thread was faster
                return
            with GUARD:  # a set that grows cannot be walked
                subscriptions = list(self._subscriptions)
            for subscription in subscriptions:
                try:
                    subscription.listener(event)
                except Exception:  # noqa: BLE001 - a listener's fault is not the token's
                    self.listener_errors += 1

    def _unanswered(self, need: NeedsNewer) -> Exception:
        """What a token is told that could not be asked for: nobody knows, but of a bad signature."""
        if need.error is not None and need.reason == "signature":
            return need.error
        return self._upkeep.unavailable(self.elapsed())

    def _too_many(self, need: NeedsNewer) -> Exception:
        if need.reason == "signature" and need.error is not None:
            return need.error
        most = self.freshness.waiting_threads
        return IssuerUnavailable(
            "keys_unavailable",
            f"{most} threads wait for newer keys of issuer {self.place.name!r} already",
            retry_after=1.0,
        )

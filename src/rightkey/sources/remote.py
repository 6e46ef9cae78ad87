"""Remote: an issuer's keys over the network, kept fresh by `Cache` and fetched by jobs.

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
from rightkey.freshness.cache import Ask, Cache, Serve
from rightkey.freshness.refresh import Elapsed, Place, Refresh, Refreshed
from rightkey.freshness.settings import Freshness
from rightkey.freshness.status import Status
from rightkey.issuer.discovery import Metadata
from rightkey.sources.elapsed import COUNT
from rightkey.sources.jobs import GUARD, JOBS, READING, Job
from rightkey.sources.source import Located
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
        self._cache = Cache(place.name, freshness)
        for name in distrusted:
            self._cache.distrust(name)
        self._untold: deque[Event] = deque()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self, subscription: Subscription) -> None:
        """Tell this listener what happens, while its subscription lives."""
        with GUARD:
            self._subscriptions.add(subscription)

    # -- what a verifier needs

    def moment(self) -> int:
        return next(COUNT)

    def held(self, *, waited: bool = False) -> Held:
        snapshot = self._cache.snapshot
        now = self.elapsed()
        if snapshot is not None and now < snapshot.refresh_at:
            return self._cache.held  # the warm path: no lock
        with GUARD:
            serve = self._cache.serve(now, waited=waited)
            if serve is Serve.HELD_AND_REFRESH and JOBS.find(self) is None:
                self._start()
            return self._cache.held if serve in (Serve.HELD, Serve.HELD_AND_REFRESH) else NOTHING

    def obtain(self) -> Job | None:
        with GUARD:
            job = JOBS.find(self)
            if job is None and self._cache.serve(self.elapsed()) is Serve.WAIT:
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
            confirmed = self._cache.last_answer > came
            return self._cache.verdict(self.elapsed(), need, confirmed=confirmed)

    # -- what its owner may do

    def refetch(self) -> Job | None:
        """Fetch now, whatever backoff and budget say; joins a job in flight."""
        with GUARD:
            return JOBS.find(self) or self._start()

    def distrust(self, name: str) -> None:
        """Refuse the keys with this key id or thumbprint from now on, in every verifier of this issuer."""
        with GUARD:
            self._cache.distrust(name)

    def may_be_forgotten(self) -> bool:
        """Whether nobody gains anything if all this begins anew. Call with GUARD held."""
        return self._cache.may_be_forgotten(self.elapsed())

    def status(self) -> Status:
        """How things are."""
        with GUARD:
            return self._cache.status(self.elapsed())

    def located(self) -> Located:
        """Where the keys are and what came of the last attempt, for whoever explains."""
        with GUARD:
            cache, last = self._cache, self._last
            snapshot, jwks_uri = cache.snapshot, self.place.url
            if jwks_uri is None and cache.metadata is not None:
                jwks_uri = cache.metadata.jwks_uri
            gone = snapshot is None or self.elapsed() >= snapshot.stale_until
            return Located(
                keys=None if gone else cache.held.keys,
                issuer=cache.metadata.issuer if cache.metadata else None,
                expected=cache.metadata.expected if cache.metadata else None,
                jwks_uri=jwks_uri,
                requests=last.requests if last else (),
                failure=cache.last_failure,
                age=self.elapsed() - snapshot.began if snapshot else None,
                origin=f"at {jwks_uri}" if jwks_uri else f"of {self.place.name}",
            )

    @property
    def metadata(self) -> Metadata | None:
        """What the issuer says of itself."""
        return self._cache.metadata

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if no keys may be used.

        Args:
            fresh: whether what is held does not count where the last attempt failed.
        """
        with GUARD:
            cache = self._cache
            failure = cache.last_failure
            served = cache.serve(self.elapsed(), waited=True) in (Serve.HELD, Serve.HELD_AND_REFRESH)
            if served and not (fresh and failure is not None):
                return
            # It is kept, and may be raised again: without the frames of whoever had it before.
            raise (failure or cache.unavailable(self.elapsed())).with_traceback(None)

    # -- inside

    def _newer(self, need: NeedsNewer, came: int) -> Job | None:
        """Decide, with GUARD held."""
        job = JOBS.find(self)
        if job is not None:
            return job  # joining is free
        cache, now = self._cache, self.elapsed()
        if cache.last_answer > came:  # asked and answered: it is final, unless the keys have moved
            moved = cache.ask_metadata(now, need)
            cache.settle(now, need)
            return self._start(forced=True, metadata=True) if moved else None
        ask = cache.ask(now, need)
        if ask is Ask.SPENT:
            self._untold.append(cache.refused(now))
        if ask is not Ask.REFETCH:
            return None
        job = self._start(forced=True)
        if job is None:  # no thread was to be had
            cache.not_asked()
            raise self._unanswered(need)
        return job

    def _start(self, *, forced: bool = False, metadata: bool = False) -> Job | None:
        """Start a refresh, with GUARD held."""

        def work(job: Job) -> None:
            with GUARD:
                plan = self._cache.plan(self.elapsed(), forced=forced, metadata=metadata)
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
        self._cache.spread(random.random())  # noqa: S311 - spreads load, keeps no secret

    def _take(self, refreshed: Refreshed, forced: bool) -> None:
        jitter = random.random()  # noqa: S311 - spreads load, keeps no secret
        self._untold += self._cache.take(refreshed, self.elapsed(), jitter, forced=forced)

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
        return self._cache.unavailable(self.elapsed())

    def _too_many(self, need: NeedsNewer) -> Exception:
        if need.reason == "signature" and need.error is not None:
            return need.error
        most = self.freshness.waiting_threads
        return IssuerUnavailable(
            "keys_unavailable",
            f"{most} threads wait for newer keys of issuer {self.place.name!r} already",
            retry_after=1.0,
        )

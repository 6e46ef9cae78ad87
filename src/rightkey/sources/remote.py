"""Remote: an issuer's keys over the network, kept fresh by `Cache` and fetched by jobs.

This is where the pure machine meets clocks, threads and a transport. Every decision is made with GUARD held;
every fetch, wait, listener and start of a thread is without it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from rightkey.errors import IssuerUnavailable, without_query
from rightkey.freshness.budget import Draws
from rightkey.freshness.cache import Cache, Serve
from rightkey.freshness.documents import Direct, Documents
from rightkey.freshness.record import Record
from rightkey.freshness.refetch import RefetchDecision
from rightkey.freshness.refresh import Place, Refresh, Refreshed
from rightkey.freshness.status import Status
from rightkey.issuer.discovery import Metadata
from rightkey.jose.keyset import KeySet
from rightkey.sources.announcer import Announcer
from rightkey.sources.elapsed import COUNT
from rightkey.sources.guard import GUARD, reading
from rightkey.sources.jobs import JOBS, Job, Past
from rightkey.sources.source import Located, Means
from rightkey.verdict.held import NOTHING, Held, NeedsNewer, Outlook


class Remote:
    """One issuer's keys, shared by every verifier of the process that asks for the same.

    Args:
        place: where the keys are.
        means: how they are fetched.
        record: what holds for the issuer, however it is named.
        budget_of: the budget of an issuer, by its identity, or of a place, by its URL.
    """

    def __init__(self, place: Place, means: Means, record: Record, budget_of: Callable[[str], Draws]) -> None:
        self.place = place
        self.means = means
        self.wait = means.freshness.wait
        self.announcer = Announcer()
        self._elapsed = means.elapsed
        self._past = Past()
        self._last: Refreshed | None = None
        self._copied = False
        self._cache = Cache(place.name, means.freshness, record, budget_of, place.url)
        self._documents = _documents(place, means)

    # -- what a verifier needs

    def held(self, *, waited: bool = False) -> Held:
        snapshot = self._cache.snapshot
        now = self._elapsed()
        if snapshot is not None and now < snapshot.refresh_at:
            return self._cache.held  # the warm path: no lock
        with GUARD:
            serve = self._cache.serve(now, waited=waited or self._copied)
            if serve is Serve.HELD_AND_REFRESH and JOBS.find(self) is None:
                self._start()
            held = self._cache.held if serve in (Serve.HELD, Serve.HELD_AND_REFRESH) else NOTHING
        self._after()
        return held

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        with GUARD:
            job = self._for_keys() if need.reason == "no_keys" else self._newer(need, moment)
            answer: Job | Outlook = job or self._cache.outlook(self._elapsed(), need, moment)
            if job is not None and waiter is not None and need.reason != "no_keys":
                if len(job.waiters) < self.means.freshness.waiting_threads:
                    job.waiters.add(waiter)
                else:
                    answer = Outlook(confirmed=False, retry_after=1.0)
        self._after()
        return answer

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        with GUARD:
            if need.reason != "no_keys" and self._cache.last_answer > moment:
                return Outlook()  # an answer has settled it; what did not end was a look elsewhere
            return Outlook(confirmed=False, unavailable=self._cache.unavailable(self._elapsed()))

    def located(self) -> Located:
        with GUARD:
            cache, last = self._cache, self._last
            snapshot, jwks_uri = cache.snapshot, self.place.url
            if jwks_uri is None and cache.metadata is not None:
                jwks_uri = cache.metadata.jwks_uri
            gone = snapshot is None or self._elapsed() >= snapshot.stale_until
            return Located(
                keys=None if gone else cache.held.keys,
                issuer=cache.metadata.issuer if cache.metadata else None,
                expected=cache.metadata.expected if cache.metadata else None,
                jwks_uri=jwks_uri,
                requests=last.requests if last else (),
                failure=cache.last_failure,
                age=self._elapsed() - snapshot.began if snapshot else None,
                origin=f"at {without_query(jwks_uri)}" if jwks_uri else f"of {self.place.name}",
            )

    def status(self) -> Status:
        fleet = self.means.fleet
        with GUARD:
            status = self._cache.status(self._elapsed())
        return status if fleet is None else replace(status, store=fleet.status())

    # -- what its owner may do

    def obtain(self) -> Job | None:
        """The job to wait for where no keys may be used; None where it is too early to ask."""
        with GUARD:
            job = self._for_keys()
        self._after()
        return job

    def refetch(self) -> Job | None:
        """Fetch now, whatever backoff and budget say; joins a job that is there."""
        with GUARD:
            job = JOBS.find(self) or self._start()
        self._after()
        return job

    def begin(self, keys: KeySet, age: float, headers: Mapping[str, str]) -> None:
        """Begin with a copy of an answer that the issuer gave earlier, unless it has been asked by now.

        It serves as that answer would, but that no caller waits while its successor is fetched: a process
        that starts has not idled.

        Args:
            age: of the answer, in seconds.
            headers: those that say how long it lives.
        """
        with GUARD:
            if self._cache.snapshot is None and self._cache.last_failure is None:
                self._copied = True
                now, jitter = self._elapsed(), random.random()  # noqa: S311 - as below
                copied = Refreshed(now - age, keys=keys, headers=headers)
                self._cache.take(copied, now, jitter, forced=False)

    def spread(self) -> None:
        """Draw the moment of the next refresh again. Called in a forked child, where nothing else runs."""
        self._cache.spread(random.random())  # noqa: S311 - spreads load, keeps no secret

    def may_be_forgotten(self) -> bool:
        """Whether this may start over. Call with GUARD held."""
        return self._cache.may_be_forgotten(self._elapsed())

    @property
    def is_untried(self) -> bool:
        """Whether it has never had keys, and the next caller has it asked. Call with GUARD held."""
        if self._cache.snapshot is not None or JOBS.find(self) is not None:
            return False
        return self._cache.serve(self._elapsed()) is Serve.WAIT

    @property
    def metadata(self) -> Metadata | None:
        """What the issuer says of itself."""
        return self._cache.metadata

    # -- inside

    def _for_keys(self) -> Job | None:
        """The job for a caller without keys, with GUARD held."""
        job = JOBS.find(self)
        if job is None and self._cache.serve(self._elapsed()) is Serve.WAIT:
            job = self._start()
        return job

    def _newer(self, need: NeedsNewer, moment: int) -> Job | None:
        """The job for a token that the held keys do not satisfy, with GUARD held."""
        job = JOBS.find(self)
        if job is not None:
            return job  # joining is free
        cache, now = self._cache, self._elapsed()
        if cache.last_answer > moment:  # asked and answered: it is final, unless the keys have moved
            moved = cache.ask_metadata(now, need)
            cache.settle(now, need)
            return self._start(forced=True, metadata=True) if moved else None
        ask = cache.ask(now, need)
        if ask is RefetchDecision.SPENT:
            self.announcer.note(cache.refused(now))
        if ask is not RefetchDecision.REFETCH:
            return None
        return self._start(forced=True, least=cache.least_of(need))

    def _start(self, *, forced: bool = False, metadata: bool = False, least: float = 1.0) -> Job | None:
        """Have a refresh run, with GUARD held."""
        means, count = self.means, COUNT.__next__

        def work(job: Job) -> None:
            if means.fleet is not None:
                means.fleet.poll()  # nothing that the fleet distrusts is served on, whatever its thread does
            with GUARD:
                plan = self._cache.plan(self._elapsed(), forced=forced, metadata=metadata, least=least)
            refresh = Refresh(self.place, self._documents(), means.freshness, means.elapsed, count, reading)
            refreshed = refresh.run(plan)
            with GUARD:
                if JOBS.claim(job):
                    job.answered = refreshed.failure is None
                    self._last = refreshed
                    self._take(refreshed, forced)

        def on_given_up() -> None:
            why = f"the issuer's keys could not be fetched: no answer within {self.wait:.3g} s"
            failure = IssuerUnavailable("keys_unavailable", why)
            self._take(Refreshed(self._elapsed(), failure=failure, seconds=self.wait), forced)

        def on_refused() -> None:
            if forced:
                self._cache.not_asked()

        job = JOBS.start(
            self,
            self.wait,
            work,
            on_given_up=on_given_up,
            on_refused=on_refused,
            on_end=self.announcer.tell,
            most=means.freshness.jobs,
            past=self._past,
        )
        if job is None:
            on_refused()
        return job

    def _take(self, refreshed: Refreshed, forced: bool) -> None:
        jitter = random.random()  # noqa: S311 - spreads load, keeps no secret
        if self._copied and refreshed.keys is not None:
            self._copied, self._cache.snapshot = False, None  # of a copy nothing lingers
        self.announcer.note(self._cache.take(refreshed, self._elapsed(), jitter, forced=forced))

    def _after(self) -> None:
        """What a decision has begun and what it has to tell, once GUARD is let go."""
        JOBS.launch()
        self.announcer.tell()


def _documents(place: Place, means: Means) -> Callable[[], Documents]:
    """Makes what fetches the documents of one refresh."""
    fleet = means.fleet
    if fleet is None:
        return lambda: Direct(means.transport)
    from rightkey.stores.shared import KnownEntries, Shared  # a process without a store does without

    known = KnownEntries()
    return lambda: Shared(place.name, means.transport, fleet, known, COUNT.__next__)

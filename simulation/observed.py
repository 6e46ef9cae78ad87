"""What was asked and answered, as the network saw it: all that the oracle knows of the keys that are held.

The rules here are those of requests: the budget, the pauses after failures, and how early a refresh may come.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rightkey.exchange import Request, Response
from rightkey.freshness.settings import Freshness
from rightkey.sources.jobs import Job
from simulation.issuers import Issuer, Published
from simulation.keys import Signer
from simulation.world import Fault, World

NEAR = 0.01
"""Seconds within which two times are taken for one."""
MAX_PAUSE, LEAST_RETRY, MOST_RETRY = 60.0, 1.0, 300.0
REFRESH = 0.8
"""The part of a life before which nothing is fetched ahead."""
MAX_REQUESTS = 6
"""Of one refresh: two for the metadata and one for the keys, and once more where the keys have moved."""


@dataclass
class Good:
    """A good answer: which keys, and for how long. `sure` unless it came so late that it may be dropped."""

    began: float
    taken: float
    keys: frozenset[Signer]
    leaked: frozenset[Signer]
    life: float
    stale: float
    sure: bool

    @property
    def fresh_until(self) -> float:
        return self.began + self.life

    @property
    def stale_until(self) -> float:
        return self.began + self.life + self.stale


class Bucket:
    """The budget as the docs state it: so many at once, and one more every so often."""

    def __init__(self, freshness: Freshness) -> None:
        self.freshness, self.spent, self.since = freshness, 0.0, 0.0

    def take(self, now: float, more: float) -> bool:
        """Take one; whether there was one. `more`: draws that may have been taken earlier, and came late."""
        self.spent = max(0.0, self.spent - (now - self.since) / self.freshness.draw_every) + 1.0
        self.since = now
        return self.spent <= self.freshness.draws + more + NEAR


@dataclass
class View:
    """One issuer's keys at one place, from outside."""

    issuer: Issuer
    kid: str | None
    goods: deque[Good] = field(default_factory=lambda: deque(maxlen=64))
    active: set[Job] = field(default_factory=set)
    failed_at: float = float("-inf")
    failures: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    not_before: dict[bool, float] = field(default_factory=lambda: {False: 0.0, True: 0.0})
    proved: bool = False
    """Whether it has verified a token."""
    ordered_at: float = float("-inf")
    """When its owner ordered a refresh."""
    lined_at: float = float("-inf")
    """When one of its refreshes stood in line last."""


@dataclass
class Exchange:
    """One request."""

    began: float
    forced: bool
    keys: bool
    response: Response | None = None
    published: Published | None = None


class Observed:
    """All exchanges of a history."""

    def __init__(self, world: World, freshness: Freshness) -> None:
        self.world, self.freshness = world, freshness
        self.views: dict[Any, View] = {}
        self.exchanges: dict[Job, list[Exchange]] = {}
        self.buckets: dict[Any, Bucket] = {}
        self.lined: dict[Job, float] = {}
        """When each job came into the line."""
        self.line_wait = 0.0
        self.requests = 0

    def view(self, name: str, kid: str | None, issuer: Issuer | None = None) -> View:
        """What is known of an issuer's keys; where they are published one by one, of one."""
        found = self.views.get((name, kid))
        if found is None:
            assert issuer is not None
            found = self.views[name, kid] = View(issuer, kid)
        return found

    def view_of(self, job: Job, issuer: Issuer | None = None) -> View:
        remote: Any = job.key
        return self.view(remote._cache._record.identity, remote.place.kid, issuer)

    # -- as it happens

    def asked(self, job: Job, issuer: Issuer, request: Request) -> Exchange:
        self.requests += 1
        exchanges = self.exchanges.setdefault(job, [])
        view = self.view_of(job, issuer)
        keys = "well-known" not in request.url
        exchange = Exchange(self.world.now, request.headers.get("cache-control") == "no-cache", keys)
        if not exchanges:
            view.active.add(job)
        first = keys and not any(one.keys for one in exchanges)
        exchanges.append(exchange)
        if len(exchanges) > MAX_REQUESTS:
            raise Fault("few requests a refresh", f"{len(exchanges)} to {issuer.host}")
        if len(view.active) > 2:
            raise Fault("two threads at most hang", f"{len(view.active)} are at {issuer.host}")
        if first:
            self._may_ask(view, job, issuer, exchange.forced)
        return exchange

    def answered(self, exchange: Exchange, response: Response | None, published: Published | None) -> None:
        exchange.response, exchange.published = response, published

    def ended(self, job: Job) -> None:
        """A thread has come to its end: what it brought, if anything."""
        exchanges = self.exchanges.pop(job, None)
        self.lined.pop(job, None)
        if not exchanges:
            return
        view, now, last = self.view_of(job), self.world.now, exchanges[-1]
        view.active.discard(job)
        due = (job.began or 0.0) + job.seconds
        good = _good(last, now, now < due - NEAR, self.freshness)
        if good is None:
            self._failed(view, exchanges, min(now, due))
            return
        # One that is late was given up, or else no caller has noticed and it counts.
        view.failures, view.not_before = {False: 0, True: 0}, {False: 0.0, True: 0.0}
        if not good.sure:
            view.failed_at = max(view.failed_at, due)
        view.goods.append(good)

    # -- what may be asked

    def _may_ask(self, view: View, job: Job, issuer: Issuer, forced: bool) -> None:
        lined = self.lined.get(job, self.world.now)
        late = (job.began or 0.0) - lined
        self.line_wait = max(self.line_wait, late)
        if late > NEAR:
            view.lined_at = self.world.now
        if view.ordered_at >= lined - NEAR:
            return
        if forced or (view.kid is not None and not view.goods):
            self._draw(issuer, job)
        if lined < view.not_before[forced] - NEAR:
            raise Fault(
                "a pause is kept", f"{issuer.host} was asked {view.not_before[forced] - lined:.2f} s early"
            )
        if not forced and view.goods and not issuer.fleeting:
            latest = max(view.goods, key=lambda good: good.began)
            early = latest.began + REFRESH * latest.life - lined
            if latest.sure and early > NEAR:
                raise Fault("a refresh is not early", f"{issuer.host} was asked {early:.2f} s early")

    def _draw(self, issuer: Issuer, job: Job) -> None:
        more = self.line_wait / self.freshness.draw_every
        remote: Any = job.key
        for account in (issuer.host, remote._cache._record.identity):
            bucket = self.buckets.setdefault(account, Bucket(self.freshness))
            if not bucket.take(job.began or 0.0, more):
                raise Fault(
                    "no flood asks more than the budget", f"{account} was asked {bucket.spent:.2f} times"
                )

    def _failed(self, view: View, exchanges: list[Exchange], at: float) -> None:
        view.failed_at = max(view.failed_at, at)
        keys = [one for one in exchanges if one.keys]
        if not keys or any(good.sure and good.taken >= at for good in view.goods):
            return  # it is not known which pause it began, or that pause is over
        forced, response = keys[0].forced, exchanges[-1].response
        least = min(MAX_PAUSE, 2.0 ** min(view.failures[forced], 6)) / 2
        if exchanges[-1].keys and response is not None and response.retry_after is not None:
            least = max(least, min(max(response.retry_after, LEAST_RETRY), MOST_RETRY))
        view.failures[forced] += 1
        view.not_before[forced] = max(view.not_before[forced], at + least)


def _good(last: Exchange, now: float, sure: bool, freshness: Freshness) -> Good | None:
    response, published = last.response, last.published
    if response is None or published is None or response.status not in (200, 304):
        return None
    keys = frozenset(published.keys) - published.leaked
    if not keys:
        return None
    life, stale = freshness.life, freshness.stale_if_error
    control = response.headers.get("cache-control", "")
    if control:
        life = float(control.split("max-age=")[1].split(",")[0])
    if "must-revalidate" in control:
        stale = min(stale, freshness.min_stale)
    life = min(max(life, freshness.min_life), freshness.max_life)
    return Good(last.began, now, keys, published.leaked, life, stale, sure)

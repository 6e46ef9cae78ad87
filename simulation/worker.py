"""Worker: one process of a simulated fleet. It does with the library's parts what `Remote` does with them.

The cache, the refresh, the documents of a store, numbers, budgets and distrust are the library's own. A
thread is a greenlet, and only while a refresh runs. There is no line of jobs: a worker has one refresh at a
time. A token passes by a key that is held under its key id: signatures are not checked here.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from rightkey.errors import IssuerUnavailable, TokenRejected
from rightkey.exchange import Request, Response
from rightkey.freshness.budget import Draws
from rightkey.freshness.cache import Cache, Serve
from rightkey.freshness.documents import Direct, Documents
from rightkey.freshness.record import Record
from rightkey.freshness.refetch import RefetchDecision
from rightkey.freshness.refresh import Place, Refresh, Refreshed
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import Issuer, identity_of
from rightkey.jose.jws import Header
from rightkey.sources.fleets import POLL
from rightkey.stores.fleet import Fleet
from rightkey.stores.seal import seal_of
from rightkey.stores.shared import KnownEntries, Shared
from rightkey.verdict.held import NeedsNewer
from simulation.keys import NOW
from simulation.memory import MemoryStore
from simulation.world import Fault, World

NAME = "https://fleet.example/"
IDENTITY = identity_of(NAME)
KEYS_URL = f"{NAME}keys"
PLACE = Place(NAME, Issuer.parse(NAME, None))
FRESHNESS = Freshness()
SEAL = seal_of(b"a secret of the simulated fleet, of 32 octets")
ROUNDED = 1e-6
"""Seconds that are lost where ages are taken from times, and added."""
TRIES_AGAIN = 1.0
"""Seconds after which an honest user whose token was refused comes again."""


class Token:
    """A token by a key id. An honest user comes again until it passes."""

    __slots__ = ("first", "honest", "kid", "moment", "need", "tries")

    def __init__(self, kid: str, first: float, *, honest: bool) -> None:
        self.kid, self.first, self.honest = kid, first, honest
        self.moment = self.tries = 0
        header = Header("EdDSA", kid, None, None, None, None, "", {})
        self.need = NeedsNewer("nothing_fits", header, TokenRejected("key_not_found", "no such key"))


class Around(Protocol):
    """What a worker needs of where it lives."""

    world: World
    chance: Random
    store: MemoryStore | None

    def count(self) -> int:
        """A count of moments."""

    def answer(self, worker: Worker, request: Request, /) -> Response:
        """What the issuer answers."""

    def wanted(self) -> None:
        """A worker waits for something."""

    def passed(self, seconds: float, /) -> None:
        """It has what it waited for."""

    def gone(self) -> None:
        """It waits no more."""

    def refused(self) -> None:
        """It refuses a key that was distrusted."""


class Worker:
    """One process.

    Args:
        hosts: time, chance, the store and the issuer.
        ahead: seconds by which its host's clock is ahead.
    """

    __slots__ = ("_ahead", "_due", "_fleet", "_hosts", "_known", "_record", "_running", "_waiting")
    __slots__ += ("_wanted", "alive", "cache", "stamp")

    def __init__(self, hosts: Around, ahead: float) -> None:
        self._hosts, self._ahead = hosts, ahead
        budgets: dict[str, Draws] = {}
        self._record, self._known = Record(IDENTITY), KnownEntries()
        self.cache = Cache(NAME, FRESHNESS, self._record, lambda name: budgets.setdefault(name, Draws()))
        self._fleet = None if hosts.store is None else self._member(hosts.store)
        self._waiting: list[Token] = []
        self._running, self._due = False, 0.0
        self._wanted: float | None = None
        """Since when it has wanted a scheduled refresh."""
        self.alive, self.stamp = True, float("-inf")

    def _member(self, store: MemoryStore) -> Fleet:
        return Fleet(store, SEAL, lambda event: None, self._refuse, self._now)

    def _refuse(self, issuer: str, name: str) -> None:
        self._record.distrust(name)
        self._hosts.refused()

    def _now(self) -> float:
        return self._hosts.world.now

    def _wall(self) -> float:
        return NOW + self._now() + self._ahead

    # -- what comes to it

    def tend(self) -> None:
        """Refresh where that is due, as where tokens come all the time; and come back when it is."""
        snapshot = self.cache.snapshot
        serve = self.cache.serve(self._now(), waited=True)
        if not self.alive or self._running:
            return
        if serve in (Serve.HELD_AND_REFRESH, Serve.WAIT):
            if self._wanted is None:
                self._wanted = self._now()
                self._hosts.wanted()
            self._start(forced=False)
            return
        due = self._due = max(snapshot.refresh_at if snapshot else 0.0, self.cache._scheduled.until)
        self._hosts.world.spawn(lambda: self.tend() if due == self._due else None, due - self._now())

    def come(self, token: Token) -> None:
        """A token comes."""
        token.moment, token.tries = self._hosts.count(), 0
        self._judge(token)

    def distrust(self, name: str) -> None:
        """An operator distrusts a key here."""
        self._refuse(IDENTITY, name)
        if self._fleet is not None:
            self._fleet.distrust(IDENTITY, name)

    def poll(self, until: float) -> None:
        """Read what the fleet distrusts, again and again, until then."""
        if self._fleet is not None and self.alive and self._now() < until:
            self._fleet.poll(patiently=True)
            self._hosts.world.spawn(lambda: self.poll(until), self._hosts.chance.uniform(*POLL))

    def holds(self, name: str) -> bool:
        """Whether a token by this key id passes."""
        keys = self.cache.held.keys
        if keys is None or self.cache.serve(self._now(), waited=True) in (Serve.WAIT, Serve.REFUSE):
            return False
        if self._now() - self.stamp > FRESHNESS.life + FRESHNESS.stale_if_error:
            raise Fault("no document past its bound", f"{self._now() - self.stamp:.1f} s old")
        return any(key.kid == name for key in keys)

    def serves_distrusted(self) -> bool:
        """Whether it serves a key that it refuses."""
        return self.alive and any(self.holds(name) for name in self._record.distrusted.names)

    def kill(self) -> None:
        """Be gone, and what waits here with it."""
        self.alive = False
        waiting, self._waiting = self._waiting, []
        for token in waiting:
            self._lost(token)
        if self._wanted is not None:
            self._wanted = None
            self._hosts.gone()

    def _lost(self, token: Token) -> None:
        if token.honest:
            self._hosts.gone()

    # -- as the retry and `Remote` do it

    def _judge(self, token: Token) -> None:
        if not self.alive:
            self._lost(token)
        elif self.holds(token.kid):
            self._hosts.passed(self._now() - token.first)
        elif self._running:
            self._waiting.append(token)
        elif token.tries > 1 or not self._newer(token):
            self._refused(token)
        else:
            token.tries += 1
            self._waiting.append(token)

    def _newer(self, token: Token) -> bool:
        """Whether a refresh was started for it."""
        cache, now = self.cache, self._now()
        if cache.last_answer > token.moment:
            moved = cache.ask_metadata(now, token.need)
            cache.settle(now, token.need)
            if moved:
                self._start(forced=True, metadata=True)
            return moved
        if cache.ask(now, token.need) is not RefetchDecision.REFETCH:
            return False
        self._start(forced=True, least=cache.least_of(token.need))
        return True

    def _refused(self, token: Token) -> None:
        if token.honest:
            self._hosts.world.spawn(lambda: self.come(token), TRIES_AGAIN)

    def _start(self, *, forced: bool, metadata: bool = False, least: float = 1.0) -> None:
        self._running = True
        self._hosts.world.spawn(lambda: self._refresh(forced, metadata, least))

    def _refresh(self, forced: bool, metadata: bool, least: float) -> None:
        began, before = self._now(), self._number()
        if self._fleet is not None:
            self._fleet.poll()
        plan = self.cache.plan(began, forced=forced, metadata=metadata, least=least)
        refreshed = Refresh(PLACE, self._documents(), FRESHNESS, self._now, self._hosts.count).run(plan)
        if not self.alive:
            return
        if self._now() - began > FRESHNESS.wait:
            failure = IssuerUnavailable("keys_unavailable", "no answer in time")
            refreshed = Refreshed(began, failure=failure, seconds=FRESHNESS.wait)
        self.cache.take(refreshed, self._now(), self._hosts.chance.random(), forced=forced)
        self._check(refreshed, before)
        self._running = False
        waiting, self._waiting = self._waiting, []
        for token in waiting:
            self._judge(token)
        self.tend()

    def _documents(self) -> Documents:
        if self._fleet is None:
            return Direct(self)
        means = (self._fleet, self._known, self._hosts.count, self._wall, self._now)
        return Shared(NAME, self, *means, sleep=self._hosts.world.sleep)

    def get(self, request: Request, /) -> Response:
        """As a transport."""
        return self._hosts.answer(self, request)

    # -- what must hold

    def _number(self) -> int:
        return self._known.of(KEYS_URL).held

    def _check(self, refreshed: Refreshed, before: int) -> None:
        snapshot = self.cache.snapshot
        if self._number() < before:
            raise Fault("never a lower number", f"{self._number()} after {before}")
        if refreshed.failure or refreshed.spent_for is not None or snapshot is None:
            return
        if snapshot.began != refreshed.began:
            return  # overtaken: what is held is newer
        stamp = float(refreshed.headers["date"])
        if stamp < self.stamp - ROUNDED:
            raise Fault("never an older document", f"of {stamp:.3f} after {self.stamp:.3f}")
        if stamp < snapshot.began - ROUNDED:
            raise Fault("no document is younger than it is", f"by {snapshot.began - stamp:.3f} s")
        self.stamp = stamp
        if self._wanted is not None:
            self._hosts.passed(self._now() - self._wanted)
            self._wanted = None

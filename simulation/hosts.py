"""Hosts: a fleet of workers on hosts whose clocks differ, the store that they share, and one issuer."""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from math import exp, inf, log
from random import Random

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.freshness import refresh
from rightkey.issuer.jwks import read_jwks
from rightkey.jose.keyset import KeySet
from rightkey.stores import fleet
from simulation.keys import NOW, Signer
from simulation.memory import MemoryStore, Saved
from simulation.worker import FRESHNESS, KEYS_URL, NAME, Token, Worker
from simulation.world import Fault, World

ANSWERS = (0.05, 3.0)
"""Seconds that the issuer takes, at random: as often under 0.39 as over it."""
LEASE = FRESHNESS.timeout / 2
"""Seconds after which another worker takes the place of one that asks."""
APART = 30.0
"""Seconds by which a host's clock is wrong at most: two of them differ by a minute."""
STORE_AHEAD = 17.0
A_HOST = 20
"""Workers on one host."""


class Hosts:
    """All of it, in one virtual time. `shared`: whether there is a store."""

    def __init__(self, workers: int, seed: int, *, shared: bool) -> None:
        self.world, self.chance = World(seed), Random(f"hosts {seed}")
        fleet.CHANCE = self.chance  # type: ignore[assignment]
        refresh.read_jwks = _read_once  # type: ignore[assignment]
        self._counter = itertools.count(1)
        self.store = MemoryStore(lambda: NOW + self.world.now + STORE_AHEAD) if shared else None
        clocks = [self.chance.uniform(-APART, APART) for _ in range(max(2, workers // A_HOST))]
        self.clocks = [clocks[number % len(clocks)] for number in range(workers)]
        self.workers: list[Worker] = []
        self.keys = [Signer("k1")]
        self.failing: int | None = None
        """What the issuer says in Retry-After, while it fails."""
        self.hangs = False
        """Whether the issuer gives no answer."""
        self.kills = False
        """Whether the next worker that asks the issuer is killed meanwhile."""
        self.distrusted_at: float | None = None
        self.saved: Saved | None = None
        self.begin()
        self._alone_until = -inf
        self._spent, self._since = 0.0, 0.0

    # -- what a worker needs

    def count(self) -> int:
        return next(self._counter)

    def wanted(self) -> None:
        self.open += 1

    def passed(self, seconds: float) -> None:
        self.open -= 1
        self.waits.append(seconds)

    def gone(self) -> None:
        self.open -= 1

    def refused(self) -> None:
        if self.distrusted_at is not None:
            self.passed(self.world.now - self.distrusted_at)

    def answer(self, worker: Worker, request: Request) -> Response:
        """What the issuer answers, as things are when it is asked."""
        self.requests += 1
        self._draw(request)
        if self.hangs:
            self.world.sleep(request.timeout)
            raise ExchangeFailed("timeout", "no answer")
        stamp, takes = self.world.now, exp(self.chance.uniform(*map(log, ANSWERS)))
        self.slow += takes > LEASE
        response = self._response(request, stamp)
        if self.kills:
            self.kills = False
            worker.kill()
            self.world.sleep(inf)
        self.world.sleep(takes)
        return response

    def _response(self, request: Request, stamp: float) -> Response:
        if self.failing is not None:
            return Response(503, {"retry-after": str(self.failing)}, b"")
        if request.url != KEYS_URL:
            return Response(200, {}, json.dumps({"issuer": NAME, "jwks_uri": KEYS_URL}).encode())
        headers = {"date": repr(stamp), "etag": f'"{self.keys[-1].kid}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(304, headers, b"")
        return Response(200, headers, json.dumps({"keys": [key.public for key in self.keys[-2:]]}).encode())

    def _draw(self, request: Request) -> None:
        """What tokens cause keeps to the budget of one process, but where the store does not answer."""
        now = self.world.now
        if self.store is None or self.store.down:
            self._alone_until = now + fleet.MAX_LEFT_ALONE
        if now <= self._alone_until or "no-cache" not in request.headers.get("cache-control", ""):
            return
        self._spent = max(0.0, self._spent - (now - self._since) / FRESHNESS.draw_every) + 1.0
        self._since = now
        if self._spent > FRESHNESS.draws + 1e-6:
            spent = f"{self._spent:.2f} draws of {FRESHNESS.draws} are spent"
            self.world.faults.append(Fault("one budget", spent))  # raised here, it were a failed request

    # -- scenes

    def begin(self) -> None:
        """Count from here."""
        self.requests = self.slow = self.open = 0
        self.waits: list[float] = []

    def check(self) -> None:
        """What holds at the end of each."""
        if self.open:
            raise Fault("every worker has what it waits for", f"{self.open} wait for ever")
        for worker in self.workers:
            if worker.serves_distrusted():
                raise Fault("what is distrusted is refused", "a worker serves it")

    # -- what happens

    @property
    def current(self) -> str:
        """The key id that signs."""
        return self.keys[-1].kid

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.world.run(self.world.now + seconds)

    def run_until_due(self) -> None:
        """Let time pass until the first worker is about to refresh its keys."""
        due = (worker.cache.snapshot.refresh_at for worker in self.workers if worker.cache.snapshot)
        self.world.run(min(due) - 1.0)

    def start(self, within: float) -> None:
        """Start every worker at some time within so many seconds."""
        for ahead in self.clocks:
            worker = Worker(self, ahead)
            self.workers.append(worker)
            self.world.spawn(worker.tend, self.chance.uniform(0.0, within))

    def restart(self, share: float) -> None:
        """Replace some workers by new ones, which hold nothing."""
        for place in range(max(1, int(share * len(self.workers)))):
            self.workers[place].kill()
            self.workers[place] = Worker(self, self.clocks[place])
            self.world.spawn(self.workers[place].tend)

    def save(self) -> None:
        """Make a backup of the store."""
        self.saved = None if self.store is None else self.store.save()

    def lose(self, saved: Saved | None) -> None:
        """Have the store hold what the backup has, or nothing. What was distrusted is told it again."""
        if self.store is not None:
            self.store.restore(saved)
            self.poll(3.0)
            self.run(3.0)
            if not self.store.records():
                raise Fault("distrust outlives the store", "the store was not told again")

    def distrust(self, name: str) -> None:
        """An operator distrusts a key at one worker; each waits until it refuses it."""
        self.poll(3.0)
        self.run(1.0)
        self.distrusted_at = self.world.now
        self.open += sum(worker.alive for worker in self.workers)
        next(worker for worker in self.workers if worker.alive).distrust(name)
        self.run(2.0)
        self.distrusted_at = None

    def rotate(self) -> None:
        """Another key signs, which was not announced; the last one is still published."""
        self.keys.append(Signer(f"k{len(self.keys) + 1}"))

    def users(self, within: float) -> None:
        """Every worker sees an honest token within so many seconds."""
        for worker in self.workers:
            after = self.chance.uniform(0.0, within)
            token = Token(self.current, self.world.now + after, honest=True)
            self.wanted()
            self.world.spawn(lambda worker=worker, token=token: worker.come(token), after)

    def flood(self, each: int, within: float) -> None:
        """Every worker sees so many forged tokens, each by a key id of its own."""

        def forge(worker: Worker, times: list[float]) -> None:
            worker.come(Token(f"forged-{self.chance.getrandbits(64):x}", self.world.now, honest=False))
            follow(worker, times)

        def follow(worker: Worker, times: list[float]) -> None:
            if times:
                self.world.spawn(lambda: forge(worker, times), times.pop() - self.world.now)

        for worker in self.workers:
            times = [self.world.now + self.chance.uniform(0.0, within) for _ in range(each)]
            follow(worker, sorted(times, reverse=True))

    def poll(self, seconds: float) -> None:
        """Every worker reads what the fleet distrusts, for so long."""
        for worker in self.workers:
            until, after = self.world.now + seconds, self.chance.uniform(0.0, 0.5)
            self.world.spawn(lambda worker=worker, until=until: worker.poll(until), after)


def _read_once(response: Response, kid: str | None) -> KeySet:
    """The keys of an answer. All workers are in one process: they share what is made of the same octets."""
    return _read(response.body) if response.status == 200 else read_jwks(response, kid)


@lru_cache(64)
def _read(body: bytes) -> KeySet:
    return read_jwks(Response(200, {}, body), None)

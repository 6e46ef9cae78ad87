"""The stage: issuers, verifiers of all kinds that share them, and the oracle that watches."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from random import Random
from typing import Any

from rightkey.errors import IssuerUnavailable
from rightkey.freshness.budget import MAX_SETTLED
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import identity_of
from rightkey.policy.trust import Trust
from rightkey.sources.by_kid import MAX_IN_USE, MAX_UNUSED, ByKid
from rightkey.sources.jobs import JOBS
from rightkey.sources.registry import MAX_IDLE, REGISTRY
from rightkey.sources.remote import Remote
from simulation.faces import Tasks, Threads
from simulation.issuers import MODES, Balancers, Issuer, Network
from simulation.keys import AUDIENCE, NOW
from simulation.line import Line
from simulation.observed import MOST_RETRY, Observed
from simulation.oracle import Call, Oracle
from simulation.world import Fault, World

RUNS = itertools.count()
"""So that no history meets what another has left in the process."""
TENANTS = 400
"""Issuers that a function knows, more than are kept."""
MAX_KEPT_TENANTS = 16
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/{}/60dc6c495c0c9188"
BALANCERS_HOST = "public-keys.auth.elb.eu-west-1.amazonaws.com"


class Stage:
    """All that a history is played on, made by its seed."""

    def __init__(self, seed: int, freshness: Freshness | None = None) -> None:
        chance = Random(f"stage {seed}")
        random.seed(f"jitter {seed}")
        self.suffix = f"run{next(RUNS)}.example"
        self.freshness = freshness or Freshness(
            jobs=chance.choice((32, 32, 32, 4, 2)), stale_if_error=chance.choice((600.0, 3600.0))
        )
        self.world = World(seed)
        self.world.take_over()
        self.observed = Observed(self.world, self.freshness)
        self.oracle = Oracle(self.observed, self.freshness)
        self.line = Line(self.world)
        self.world.job_began = lambda job: self.line.check()
        self.world.job_ended = self._job_ended
        self.network = Network(self.world, self._asked, self.observed.answered)
        self.network.unknown = self._tenant_at
        self.issuers: list[Issuer] = []
        self.calls = self.waiting = 0
        self.closing = False
        self.tenants: dict[str, Issuer] = {}
        self._chance = Random(f"issuers {seed}")

    # -- building

    def add(
        self, names: list[str], host: str, kind: type[Issuer] = Issuer, *, by_url: bool = False
    ) -> Issuer:
        issuer = kind(names, host, Random(self._chance.random()), by_url=by_url)
        self.network.issuers[host] = issuer
        self.issuers.append(issuer)
        return issuer

    def cast(self, chance: Random) -> None:
        """A few issuers of each kind."""
        for number in range(chance.randint(2, 5)):
            host = f"i{number}.{self.suffix}"
            self.add([f"https://{host}/"], host)
        host = f"twins.{self.suffix}"
        self.add([f"https://a.{self.suffix}/", f"https://b.{self.suffix}/"], host, by_url=True)
        self.add([ARN.format(self.suffix.replace(".", "-"))], BALANCERS_HOST, Balancers)
        self.open()

    def open(self) -> None:
        """Build the verifiers."""
        trusts = [self._trust(issuer, name) for issuer in self.issuers for name in issuer.names]
        means: dict[str, Any] = {"freshness": self.freshness, "transport": self.network, "remember": 64}
        means |= {"clock": lambda: NOW + self.world.now, "elapsed": lambda: self.world.now}
        self.threads = Threads(*trusts, **means, listener=_raising)
        self.tasks = Tasks(*trusts, **means)
        self.many = Threads(self._resolve, issuers=MAX_KEPT_TENANTS, **means)
        for face in (self.threads, self.tasks, self.many):
            face.world = self.world

    def _trust(self, issuer: Issuer, name: str) -> Trust:
        return Trust(name, audience=AUDIENCE, keys=issuer.jwks_uri if issuer.by_url else None)

    def tenant(self, number: int) -> Issuer:
        host = f"t{number}.{self.suffix}"
        if host not in self.tenants:
            issuer = self.tenants[host] = Issuer([f"https://{host}/"], host, Random(number), by_url=False)
            issuer.fleeting = True
            if number % 3 == 0:
                issuer.turn(self.world.now, MODES["failing"], None)
        return self.tenants[host]

    def _tenant_at(self, host: str) -> Issuer | None:
        return self.tenants.get(host)

    def _resolve(self, name: str) -> Trust | None:
        host = name.removeprefix("https://").removesuffix("/")
        if host.startswith("down"):
            raise OSError("the database is down")
        known = self.tenants.get(host)
        return None if known is None else self._trust(known, name)

    # -- calling

    def call(self, face: Threads | Tasks, issuer: Issuer, name: str, raw: str, signer: Any, kid: str) -> None:
        """Have a token verified, and its verdict judged."""
        self.world.spawn(lambda: self._call(face, issuer, name, raw, signer, kid))

    def _call(
        self, face: Threads | Tasks, issuer: Issuer, name: str, raw: str, signer: Any, kid: str
    ) -> None:
        identity = identity_of(name)
        self.calls += 1
        view = self.observed.view(identity, kid if isinstance(issuer, Balancers) else None, issuer)
        call = Call(identity, signer, kid, self.world.now, threads=isinstance(face, Threads))
        call.in_line = self._stood_in_line(identity)
        call.in_flight = self._among([*JOBS._queued, *JOBS._running], identity)
        self.waiting += 1
        try:
            face.call(raw)
        except Fault:
            raise
        except Exception as error:  # noqa: BLE001 - the oracle says which may be
            call.error = error
        self.waiting -= 1
        call.ended = self.world.now
        call.in_line = call.in_line or self._stood_in_line(identity)
        self.oracle.judge(call, view)

    def foreign(self, face: Threads | Tasks, raw: str) -> None:
        """Have a token verified of an issuer that is not trusted, or not known whether."""

        def run() -> None:
            self.calls += 1
            try:
                face.call(raw)
            except IssuerUnavailable:
                return
            except Exception as error:
                if getattr(error, "code", "") == "issuer_not_trusted":
                    return
                raise Fault("typed errors alone", f"{type(error).__name__}: {error}") from error
            raise Fault("nothing forged is accepted", "a token of an unknown issuer")

        self.world.spawn(run)

    def _among(self, jobs: Any, identity: str) -> bool:
        return any(remote._cache._record.identity == identity for remote in jobs)

    def _stood_in_line(self, identity: str) -> bool:
        """Whether a refresh of the issuer stands in line, or runs and stood there before."""
        places = self.line.places.items()
        return self._among([job.key for job, place in places if self.line.has_waited(job, place)], identity)

    # -- watching

    def _asked(self, job: Any, issuer: Issuer, request: Any) -> Any:
        if job not in self.observed.lined:
            place = self.line.places.get(job)
            self.observed.lined[job] = self.world.now if place is None else place.since
        return self.observed.asked(job, issuer, request)

    def _job_ended(self, job: Any) -> None:
        self.line.ended(job)
        self.observed.ended(job)

    def check(self) -> None:
        """What holds at every step."""
        self.world.judge()
        self.line.check()
        for remote in REGISTRY._remotes.in_use():
            self._check_remote(remote)
        for one in self.threads._all():
            if isinstance(one.source, ByKid):
                _bounded("key ids that are kept", len(one.source.remotes), MAX_IN_USE + MAX_UNUSED)
        backing_off = sum(not remote.may_be_forgotten() for remote in REGISTRY._remotes.in_use())
        _bounded("key sets that are kept", len(REGISTRY._remotes._recent), MAX_IDLE + backing_off + 64)
        _bounded("tenants that are kept", len(self.many._all()), MAX_KEPT_TENANTS)

    def _check_remote(self, remote: Remote) -> None:
        _bounded("questions that are settled", len(remote._cache._gate._settled.again), MAX_SETTLED)
        job = JOBS.find(remote)
        if job is not None:
            _bounded("threads that wait", len(job.waiters), self.freshness.waiting_threads)

    def close(self) -> None:
        """Let everything come to its end: no caller waits any more, and no refresh is left."""
        self.closing = True
        self.world.run(self.world.now + 2 * MOST_RETRY)
        self.check()
        if self.waiting or any(JOBS.counts().values()):
            raise Fault("no waiter is left behind", f"{self.waiting} wait for ever; {JOBS.counts()}")


def _bounded(what: str, there: int, most: int) -> None:
    if there > most:
        raise Fault("what is kept is bounded", f"{there} {what}, of {most}")


def _raising(event: Any) -> None:
    raise RuntimeError("a listener that fails")


Action = Callable[[Stage, Issuer, Random], str]

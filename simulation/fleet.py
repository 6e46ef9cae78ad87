"""Fleet: the scenes of a fleet's life, one after the other, what each costs an issuer, and what must hold.

    python -m simulation fleet --workers 1000

Each scene is played by workers that share a store, and by as many that do not.
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from rightkey.freshness.budget import MAX_PAUSE, SLOWEST
from rightkey.stores.fleet import MAX_LEFT_ALONE
from simulation.hosts import ANSWERS, Hosts
from simulation.worker import FRESHNESS, TRIES_AGAIN
from simulation.world import Fault

WITHIN = 5.0
"""Seconds within which each worker sees a token after a rotation."""
FORGED, FLOOD = 3, 120.0
"""Forged tokens that each worker sees, and in how many seconds."""
RETRY_AFTER, OUTAGE = 60, 240.0
DISTRUSTED = 1.0
"""Seconds until the last worker refuses."""
HEAD = """| {:,} workers | requests | stated | longest wait, s | without a store: requests | longest wait, s |
| --- | --- | --- | --- | --- | --- |"""


class Stated(NamedTuple):
    """What a scene may cost."""

    requests: int
    seconds: float = FRESHNESS.wait
    """Until the last worker has what it waits for."""


class Row(NamedTuple):
    """What came of a scene."""

    scene: str
    requests: int
    longest: float
    stated: Stated | None
    """Where the issuer takes longer than a lease, another worker asks as well: that is stated, too."""

    def check(self) -> None:
        """Raises Fault."""
        most, seconds = self.stated or Stated(0)
        if self.requests > most:
            raise Fault("requests", f"{self.scene}: {self.requests} were made, and {most} are stated")
        if self.longest > seconds:
            raise Fault("seconds", f"{self.scene}: {self.longest:.2f} s, and {seconds:.2f} s are stated")

    def beside(self, alone: Row) -> str:
        """As a line of a table, beside the same without a store."""
        most = self.stated.requests if self.stated else 0
        apart = f"{alone.requests:,} | {alone.longest:.2f}" if alone.stated else "none | never ends"
        return f"| {self.scene} | {self.requests:,} | {most:,} | {self.longest:.2f} | {apart} |"


def cold_start(hosts: Hosts) -> Stated:
    hosts.start(within=10.0)
    hosts.run(60.0)
    return Stated(2)


def scheduled_refresh(hosts: Hosts) -> Stated:
    hosts.run(510.0)
    hosts.save()
    return Stated(1)


def rotation(hosts: Hosts) -> Stated:
    hosts.rotate()
    hosts.users(WITHIN)
    hosts.run(40.0)
    return Stated(1)


def flood(hosts: Hosts) -> Stated:
    """With a rotation in it. The metadata are asked for once again, since what tokens ask for brings nothing.

    A draw that a forged token takes after the rotation brings the new keys to the store; a worker that has
    seen its own draw refused before may look again so long after that.
    """
    hosts.flood(FORGED, FLOOD)
    hosts.run(FLOOD / 2)
    hosts.rotate()
    hosts.users(WITHIN)
    hosts.run(FLOOD / 2 + 20.0)
    draws = FRESHNESS.draws + int((FLOOD + 20.0) / FRESHNESS.draw_every)
    return Stated(1 + draws, 2 * SLOWEST + ANSWERS[1] + TRIES_AGAIN)


def failing(hosts: Hosts) -> Stated:
    """From before the next refresh on; users come meanwhile, whose tokens pass by what is held."""
    hosts.run_until_due()
    hosts.failing = RETRY_AFTER
    _outage(hosts)
    hosts.failing = None
    hosts.run(2 * MAX_PAUSE)
    return Stated(math.ceil(OUTAGE / RETRY_AFTER) + 1, OUTAGE + MAX_PAUSE + FRESHNESS.wait)


def hanging(hosts: Hosts) -> Stated:
    """Three ask at a time, since a lease is half of a request's time-out; pauses double up to a minute. Two
    refreshes of one worker, one that failed at the end and the next, take as long as they may."""
    hosts.run_until_due()
    hosts.hangs = True
    _outage(hosts)
    hosts.hangs = False
    hosts.run(2 * MAX_PAUSE)
    attempts = math.ceil(math.log2(MAX_PAUSE)) + math.ceil(OUTAGE / MAX_PAUSE)
    return Stated(3 * attempts + 1, OUTAGE + MAX_PAUSE + 2 * FRESHNESS.wait)


def _outage(hosts: Hosts) -> None:
    hosts.run(OUTAGE / 2)
    hosts.users(WITHIN)
    hosts.run(OUTAGE / 2)


def killed(hosts: Hosts) -> Stated:
    """The next worker draws as well; where that one is slow, the others wait for a draw."""
    hosts.kills = True
    rotation(hosts)
    return Stated(2, FRESHNESS.wait + FRESHNESS.draw_every)


def distrust(hosts: Hosts) -> Stated | None:
    """The key before the last, which is published and held yet."""
    if hosts.store is None:
        return None
    hosts.distrust(hosts.keys[-2].kid)
    return Stated(0, DISTRUSTED)


def down(hosts: Hosts) -> Stated:
    if hosts.store is not None:
        hosts.store.down = True
    rotation(hosts)
    return Stated(len(hosts.workers))


def back(hosts: Hosts) -> Stated:
    if hosts.store is not None:
        hosts.store.down = False
    hosts.run(MAX_LEFT_ALONE)
    return rotation(hosts)


def emptied(hosts: Hosts) -> Stated:
    hosts.lose(None)
    return rotation(hosts)


def restored(hosts: Hosts) -> Stated:
    """A hundredth of the workers are started then: they take what is there, and have it refreshed."""
    hosts.lose(hosts.saved)
    hosts.restart(0.01)
    hosts.run(20.0)
    rotation(hosts)
    return Stated(2)


SCENES: dict[str, Callable[[Hosts], Stated | None]] = {
    "cold start, all within 10 s": cold_start,
    "scheduled refresh": scheduled_refresh,
    "surprise rotation": rotation,
    f"{FORGED} forged key ids a worker in 2 min, and a rotation": flood,
    f"issuer fails for {OUTAGE / 60:.0f} min, `Retry-After: {RETRY_AFTER}`": failing,
    f"issuer hangs for {OUTAGE / 60:.0f} min": hanging,
    "rotation; the worker that asks is killed": killed,
    "distrust": distrust,
    "rotation while the store is down": down,
    "rotation 30 s after it is back": back,
    "store emptied, then a rotation": emptied,
    "store restored from an old state, then a rotation": restored,
}
"""Each plays, and says what it may cost; None where it makes no sense without a store."""


def played(workers: int, seed: int, *, shared: bool, without: Sequence[str] = ()) -> Iterator[Row]:
    """Scene by scene, but those whose name has one of these words in it. Raises Fault."""
    hosts = Hosts(workers, seed, shared=shared)
    try:
        for name, scene in SCENES.items():
            if any(word in name for word in without):
                continue
            hosts.begin()
            stated = scene(hosts)
            hosts.check()
            if stated is not None:
                stated = stated._replace(requests=stated.requests + hosts.slow)
            row = Row(name, hosts.requests, max(hosts.waits, default=0.0), stated)
            if shared:
                row.check()
            yield row
    finally:
        hosts.world.end()


def main(options: Sequence[str]) -> int:
    """Exit code 1 where a property does not hold."""
    parser = argparse.ArgumentParser(prog="python -m simulation fleet", description=__doc__)
    parser.add_argument("--workers", type=int, action="append", help="how many; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="the same plays the same")
    parser.add_argument("--without", action="append", default=[], help="scenes with this word in their name")
    asked = parser.parse_args(options)
    return max([_told(workers, asked.seed, asked.without) for workers in asked.workers or [1000]])


def _told(workers: int, seed: int, without: Sequence[str]) -> int:
    """Play with a store and without, at the same time, and tell the one beside the other."""
    with ProcessPoolExecutor(2) as pool:
        both = [pool.submit(_listed, workers, seed, shared, without) for shared in (True, False)]
        (rows, fault), (alone, other) = (one.result() for one in both)
    print(HEAD.format(workers))
    print("\n".join(row.beside(unshared) for row, unshared in zip(rows, alone, strict=False)), flush=True)
    for told in filter(None, (fault, other)):
        print(f"{workers} workers, seed {seed}: {told}", file=sys.stderr)
    return int(bool(fault or other))


def _listed(workers: int, seed: int, shared: bool, without: Sequence[str]) -> tuple[list[Row], str]:
    """The scenes, and the fault that has ended them."""
    rows: list[Row] = []
    gc.set_threshold(100_000, 50, 1000)
    try:
        rows.extend(played(workers, seed, shared=shared, without=without))
    except Fault as fault:
        return rows, str(fault)
    return rows, ""

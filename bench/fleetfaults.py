"""A fleet whose Redis fails, forgets or lies, while good tokens are verified without a pause.

    python -m bench.fleetfaults [--processes N] [--seconds N]

Keys live for a second, so that every process looks into the store each second. A fault lasts for so many
seconds; then it is mended, the issuer rotates, and tokens by the new key are sent too. What is told are the
processes' events. The last table is one process that verifies one remembered token, without a store and with
each: blocks of calls take turns.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import rightkey
from bench.fleet import SHORT, Workers, fleet, requests
from bench.fleetserver import Server, redis
from bench.report import Goal, Report, Table, command, versions
from rightkey.localissuer import LocalIssuer

CALLS = 200
"""Calls of a block."""
PATIENCE = 60.0
"""Seconds that a fault lasts at the most until its event is told, where the machine is busy."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each fault")
    parser.add_argument("--blocks", type=int, default=500, help="of calls to a warm verifier")


def measure(options: argparse.Namespace) -> Report:
    figures: dict[str, Any] = {
        "faults": {
            name: suffered(fault, told, options.processes, options.seconds)
            for name, (fault, told) in FAULTS.items()
        },
        "warm": warm(options.blocks),
    }
    return Report("fleetfaults", figures, tables(figures), goals=goals(figures), versions=versions("redis"))


def suffered(fault: Fault, expected: str, count: int, seconds: float) -> dict[str, Any]:
    """What becomes of good tokens while a fault lasts, and after it."""
    with (
        redis() as server,
        LocalIssuer(algorithm="ES256") as issuer,
        fleet(issuer, server.url, count, SHORT) as workers,
    ):
        workers.all([issuer.token() for _ in range(count)])
        outcomes = verified(workers, issuer, 1.5)
        before = requests(issuer)
        with fault(server) as again:
            began = time.monotonic()
            while (lasted := time.monotonic() - began) < seconds or (
                lasted < PATIENCE and not is_told(workers, expected)
            ):
                again()
                outcomes += verified(workers, issuer, 0.2)
        during = requests(issuer) - before
        outcomes += verified(workers, issuer, 1.0)
        issuer.rotate()
        outcomes += verified(workers, issuer, 1.0)
        told = {name: number for name, number in workers.told().items() if name.startswith(TOLD)}
    return {"outcomes": dict(outcomes), "requests": during, "told": told, "expected": expected}


def is_told(workers: Workers, expected: str) -> bool:
    """Whether a process has told of this, if there is anything to tell."""
    return not expected or any(name.startswith(expected) for name in workers.told())


def verified(workers: Workers, issuer: LocalIssuer, seconds: float) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        outcomes.update(word for word, _ in workers.all([issuer.token() for _ in workers.pipes]))
        time.sleep(0.01)
    return outcomes


Fault = Callable[[Server], AbstractContextManager[Callable[[], Any]]]
"""Begins, is done again and again while it lasts, and is mended at its end."""


@contextmanager
def paused(server: Server) -> Iterator[Callable[[], Any]]:
    client = client_of(server)
    yield lambda: client.client_pause(700, all=True)


@contextmanager
def cut(server: Server) -> Iterator[Callable[[], Any]]:
    client = client_of(server)
    yield lambda: client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@contextmanager
def full(server: Server) -> Iterator[Callable[[], Any]]:
    client = client_of(server)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    yield lambda: None
    client.config_set("maxmemory", "0")


@contextmanager
def emptied(server: Server) -> Iterator[Callable[[], Any]]:
    yield client_of(server).flushall


@contextmanager
def restored(server: Server) -> Iterator[Callable[[], Any]]:
    """By the file of an earlier day: what the fleet has fetched since is not in it."""
    client = client_of(server)
    client.save()
    old = Path(server.folder, "old.rdb")
    shutil.copy(Path(server.folder, "dump.rdb"), old)
    time.sleep(2.5)  # the fleet fetches again, twice

    def restore() -> None:
        server.kill()
        shutil.copy(old, Path(server.folder, "dump.rdb"))
        server.start()

    restore()
    yield lambda: None


@contextmanager
def tampered(server: Server) -> Iterator[Callable[[], Any]]:
    """The last octet of each entry becomes another."""
    client = client_of(server)

    def tamper() -> None:
        for place, entry in entries(client).items():
            client.hset(place, "entry", entry[:-1] + bytes([entry[-1] ^ 1]))

    yield tamper


@contextmanager
def swapped(server: Server) -> Iterator[Callable[[], Any]]:
    """What is at one place stands at another."""
    client = client_of(server)

    def swap() -> None:
        found = entries(client)
        for place, entry in zip(found, [*found.values()][1:] + [*found.values()][:1], strict=True):
            client.hset(place, "entry", entry)

    yield swap


@contextmanager
def rolled_back(server: Server) -> Iterator[Callable[[], Any]]:
    """Each entry becomes the one that was there before, under the number of the newest."""
    client = client_of(server)
    old = entries(client)
    time.sleep(2.5)
    yield lambda: [client.hset(place, "entry", entry) for place, entry in old.items()]


def client_of(server: Server) -> Any:
    import redis as library

    return library.Redis.from_url(server.url, socket_timeout=5)


def entries(client: Any) -> dict[bytes, bytes]:
    """What each place holds."""
    found = {}
    for place in sorted(client.scan_iter("rightkey:*")):
        entry = client.hget(place, "entry") if client.type(place) == b"hash" else None
        if entry:
            found[place] = entry
    return found


FAULTS: dict[str, tuple[Fault, str]] = {
    "CLIENT PAUSE, 0.7 s again and again": (paused, "StoreLost"),
    "CLIENT KILL, every 0.2 s": (cut, ""),
    "maxmemory reached, noeviction": (full, "StoreLost"),
    "FLUSHALL, every 0.2 s": (emptied, ""),
    "an older RDB restored": (restored, "StoreLost"),
    "every entry tampered with": (tampered, "EntryRejected seal"),
    "entries swapped": (swapped, "EntryRejected seal"),
    "entries rolled back": (rolled_back, "EntryRejected older"),
}
"""Each with the event that tells of it; none where there is nothing to be told."""
TOLD = ("Store", "Entry")


def warm(blocks: int) -> dict[str, list[float]]:
    """Microseconds of each call, by store."""
    taken: dict[str, list[float]] = {}
    with redis() as server, LocalIssuer() as issuer, tempfile.TemporaryDirectory() as folder:
        stores: dict[str, Any] = {"no store": None, "a directory": f"file://{folder}/s", "Redis": server.url}
        raw, verifiers = issuer.token(), {}
        for number, (name, store) in enumerate(stores.items()):
            freshness = rightkey.Freshness(
                grace=float(number)
            )  # another one shares nothing of what is fetched
            secret: dict[str, Any] = {"store_secret": b"s" * 32} if name == "Redis" else {}
            verifiers[name] = rightkey.Verifier(
                issuer.url, audience=issuer.audience, store=store, freshness=freshness, **secret
            )
            verifiers[name].verify(raw)
            taken[name] = []
        for name, _ in zip(cycle(verifiers), range(blocks * len(verifiers)), strict=False):
            verify, calls = verifiers[name].verify, taken[name]
            for _ in range(CALLS):
                began = time.perf_counter_ns()
                verify(raw)
                calls.append((time.perf_counter_ns() - began) / 1000)
    return {name: [part(calls, 0.5), part(calls, 0.99), part(calls, 0.999)] for name, calls in taken.items()}


def part(calls: list[float], share: float) -> float:
    return sorted(calls)[int(share * len(calls))]


def tables(figures: dict[str, Any]) -> list[Table]:
    rows = [
        (
            name,
            f"{found['outcomes'].get('ok', 0):,}",
            f"{refused(found):,}",
            f"{found['requests']}",
            ", ".join(f"{event}: {number}" for event, number in sorted(found["told"].items())) or "nothing",
        )
        for name, found in figures["faults"].items()
    ]
    plain = figures["warm"]["no store"]
    pace = [
        (name, *(f"{one:.2f}" for one in found), f"{found[2] / plain[2]:.2f}")
        for name, found in figures["warm"].items()
    ]
    return [
        Table("Redis fails: good tokens", ("fault", "accepted", "refused", "requests", "told"), rows),
        Table("A remembered token", ("store", "median, us", "p99", "p99.9", "p99.9, of none"), pace),
    ]


def refused(found: dict[str, Any]) -> int:
    return sum(number for word, number in found["outcomes"].items() if word != "ok")


def goals(figures: dict[str, Any]) -> list[Goal]:
    found = []
    for name, one in figures["faults"].items():
        number, expected = refused(one), one["expected"]
        found.append(Goal(name, "no good token refused", f"{number} refused", number == 0))
        if expected:
            times = sum(count for event, count in one["told"].items() if event.startswith(expected))
            found.append(Goal(name, f"{expected} is told", f"{times} times", times > 0))
    last = {name: times[2] / figures["warm"]["no store"][2] for name, times in figures["warm"].items()}
    for name in ("a directory", "Redis"):
        ratio = last[name]
        found.append(
            Goal(f"p99.9 of a remembered token, {name}", "within 2 times", f"{ratio:.2f} times", ratio <= 2)
        )
    return found


if __name__ == "__main__":
    command(__doc__, measure, options)

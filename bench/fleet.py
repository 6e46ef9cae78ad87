"""A fleet: what many processes cost an issuer, with a store that they share and without.

    python -m bench.fleet [--processes N] [--seconds N]

Processes are forked, each with a verifier of its own, from one that has loaded what they need; the issuer is
on the same machine. A scene is one step of all of them at once: its requests are counted at the issuer, and
its times are those of single calls. In the flood each process sends ten tokens, each with a key id of its own
that there is not. Distrust is measured from the call in one process to the last token that any other has
accepted.

In the last scene keys live for a second, the issuer rotates every five, and the server is killed and started
again every two, while a tenth of the processes verify one good token after another.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import pybase64

import rightkey
from bench.fleetserver import Server, redis
from bench.report import Goal, Report, Table, command, versions
from rightkey.localissuer import LocalIssuer

SHORT = rightkey.Freshness(life=1, min_life=1, max_life=1, stale_if_error=120)
FLOOD = 10
LARGE, STEP_BACK = 50, 10
"""From how many processes on each is nice to the rest of the machine, and how nice."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the last scene")


def measure(options: argparse.Namespace) -> Report:
    count = options.processes
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stores: dict[str, Any] = {"no store": None, "a directory": f"file://{folder}/store"}
        server = stack.enter_context(redis()) if shutil.which("redis-server") else None
        if server is not None:
            stores["Redis"] = server.url
        figures: dict[str, Any] = {name: played(store, count) for name, store in stores.items()}
        if server is not None:
            figures["restarts"] = restarts(server, max(2, count // 10), options.seconds)
    return Report(
        "fleet", figures, list(tables(figures, count)), goals=goals(figures), versions=versions("redis")
    )


def played(store: Any, count: int) -> dict[str, Any]:
    """Scene by scene."""
    with LocalIssuer() as issuer, fleet(issuer, store, count) as workers:

        def step(make: Callable[[], str], times: int = 1) -> dict[str, Any]:
            before = requests(issuer)
            outcomes = [one for _ in range(times) for one in workers.all([make() for _ in range(count)])]
            taken = sorted(seconds for _, seconds in outcomes)
            return {
                "requests": requests(issuer) - before,
                "ok": sum(word == "ok" for word, _ in outcomes),
                "of": len(outcomes),
                "median": statistics.median(taken),
                "p99": taken[int(0.99 * len(taken))],
                "longest": taken[-1],
            }

        scenes = {"cold start": step(issuer.token), "warm": step(issuer.token)}
        issuer.rotate(surprise=True)
        scenes["surprise rotation"] = step(issuer.token)
        scenes["flood"] = step(lambda: forged(issuer), FLOOD)
        scenes["good tokens after it"] = step(issuer.token)
        if store is not None:
            scenes["distrust"] = {"seconds": distrusted(workers, issuer)}
    return scenes


def distrusted(workers: Workers, issuer: LocalIssuer) -> list[float]:
    """Of each other process, how long after the call it accepted a token for the last time."""
    raw, (first, *others) = issuer.token(), workers.pipes
    for pipe in others:
        pipe.send(("until refused", raw))
    time.sleep(1.0)
    began = time.monotonic()
    first.send(("distrust", issuer.current.kid))
    heard(first)
    return sorted(max(0.0, heard(pipe) - began) for pipe in others)


def restarts(server: Server, count: int, seconds: float) -> dict[str, Any]:
    """What becomes of good tokens while the server is killed every two seconds."""
    with LocalIssuer(algorithm="ES256") as issuer, fleet(issuer, server.url, count, SHORT) as workers:
        workers.all([issuer.token() for _ in range(count)])
        end, kills = time.monotonic() + seconds, 0
        outcomes: Counter[str] = Counter()

        def verify_for(seconds: float) -> None:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                outcomes.update(word for word, _ in workers.all([issuer.token() for _ in range(count)]))
                time.sleep(0.01)

        while time.monotonic() < end:
            server.kill()
            kills += 1
            verify_for(1.0)
            server.start()
            verify_for(1.0)
            if kills % 3 == 0:
                issuer.rotate()
        return {"processes": count, "kills": kills, "outcomes": dict(outcomes)}


@dataclass
class Workers:
    """Processes, each behind a pipe."""

    pipes: list[Connection]

    def all(self, raws: list[str]) -> list[tuple[str, float]]:
        """Have each verify one token, all at once: how it ended, and how long it took."""
        for pipe, raw in zip(self.pipes, raws, strict=True):
            pipe.send(("verify", raw))
        return [heard(pipe) for pipe in self.pipes]

    def told(self) -> Counter[str]:
        """The events of all of them, by name and reason."""
        for pipe in self.pipes:
            pipe.send(("told", None))
        return sum((Counter(heard(pipe)) for pipe in self.pipes), Counter[str]())


def heard(pipe: Connection) -> Any:
    """What a process says. Raises RuntimeError: nothing for a minute."""
    if not pipe.poll(60.0):
        raise RuntimeError("a process does not answer")
    return pipe.recv()


@contextmanager
def fleet(
    issuer: LocalIssuer,
    store: Any,
    count: int,
    freshness: rightkey.Freshness = rightkey.Freshness(),  # noqa: B008
    begin: Callable[[], Callable[[], Any] | None] = lambda: None,
    **more: Any,
) -> Iterator[Workers]:
    """Processes that are killed when it ends.

    Args:
        begin: makes what each process calls first.
        more: what else their verifiers are given.
    """
    load(issuer, store, more)
    context, nice = multiprocessing.get_context("fork"), STEP_BACK if count >= LARGE else 0
    secret = secrets.token_bytes(32) if store is not None else None
    pipes, processes = [], []
    for _ in range(count):
        ours, theirs = context.Pipe()
        settings = {"store": store, "store_secret": secret, "freshness": freshness, **more}
        arguments = (issuer.url, issuer.audience, settings, theirs, begin(), nice)
        process = context.Process(target=work, args=arguments, daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        for pipe in pipes:
            heard(pipe)
        yield Workers(pipes)
    finally:
        for process in processes:
            process.kill()


def load(issuer: LocalIssuer, store: Any, more: dict[str, Any]) -> None:
    """Import what a request to an issuer and a store needs, before the fork, as servers do that load their
    application once: else each process is busy with that when the scene begins.
    """
    if store is not None and "://" in str(store) and not str(store).startswith("file:"):
        import_module("redis")
        import_module("rightkey.stores.redis")
    nowhere = rightkey.Verifier(f"{issuer.url}/nowhere", audience="none", **more)
    with suppress(rightkey.RightkeyError):
        nowhere.prepare()


def work(
    url: str,
    audience: str,
    settings: dict[str, Any],
    pipe: Connection,
    begin: Callable[[], Any] | None,
    nice: int,
) -> None:
    """One process of the fleet. If that is large, it lets the server of Redis and the issuer go first, which
    then have machines of their own: 200 processes that all have work would keep both from answering.
    """
    os.nice(nice)
    if begin is not None:
        begin()
    told: Counter[str] = Counter()

    def listen(event: Any) -> None:
        told[" ".join(filter(None, (type(event).__name__, getattr(event, "reason", ""))))] += 1

    verifier = rightkey.Verifier(url, audience=audience, listener=listen, **settings)
    pipe.send("built")
    while True:
        what, value = pipe.recv()
        if what == "verify":
            began = time.perf_counter()
            word = outcome(verifier, value)
            pipe.send((word, time.perf_counter() - began))
        elif what == "distrust":
            verifier.distrust(value)
            pipe.send(None)
        elif what == "told":
            pipe.send(dict(told))
        else:
            accepted = time.monotonic()
            while outcome(verifier, value) == "ok":
                accepted = time.monotonic()
                time.sleep(0.01)
            pipe.send(accepted)


def outcome(verifier: rightkey.Verifier, raw: str) -> str:
    try:
        verifier.verify(raw)
    except rightkey.RightkeyError as error:
        return error.code
    return "ok"


def forged(issuer: LocalIssuer) -> str:
    """A token that names a key that there is not."""
    _, payload, signature = issuer.token().split(".")
    header = b'{"alg":"RS256","kid":"%s"}' % secrets.token_hex(8).encode()
    return f"{pybase64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{payload}.{signature}"


def requests(issuer: LocalIssuer) -> int:
    return sum(issuer.requests[endpoint] for endpoint in ("discovery", "jwks"))


def tables(figures: dict[str, Any], count: int) -> Iterator[Table]:
    stores = [name for name in figures if name != "restarts"]
    rows = []
    for name in stores:
        for scene, found in figures[name].items():
            if scene != "distrust":
                times = (f"{1e3 * found[which]:,.0f}" for which in ("median", "p99", "longest"))
                rows.append((name, scene, f"{found['requests']}", f"{found['ok']} of {found['of']}", *times))
    columns = ("store", "scene", "requests", "accepted", "median, ms", "p99, ms", "longest, ms")
    yield Table(f"{count} processes, each step by all at once", columns, rows)
    spread = [
        (
            name,
            f"{1e3 * statistics.median(taken):,.0f}",
            f"{1e3 * taken[int(0.99 * len(taken))]:,.0f}",
            f"{1e3 * taken[-1]:,.0f}",
        )
        for name in stores
        if (taken := figures[name].get("distrust", {}).get("seconds"))
    ]
    yield Table(
        "Distrust: from the call to the last token accepted by another process",
        ("store", "median, ms", "p99, ms", "longest, ms"),
        spread,
    )
    if "restarts" in figures:
        found = figures["restarts"]
        rest = [(word, f"{number:,}") for word, number in found["outcomes"].items()]
        title = f"Redis killed {found['kills']} times, {found['processes']} processes: good tokens"
        yield Table(title, ("outcome", "tokens"), rest)


def goals(figures: dict[str, Any]) -> list[Goal]:
    found = []
    for name in ("a directory", "Redis"):
        if name not in figures:
            continue
        for scene, most in (("cold start", 2), ("surprise rotation", 1), ("flood", 2)):
            asked = figures[name][scene]["requests"]
            found.append(Goal(f"{scene}, {name}", f"at most {most} requests", f"{asked}", asked <= most))
        last = figures[name]["distrust"]["seconds"][-1]
        found.append(Goal(f"distrust, {name}", "under 1 s everywhere", f"{last:.2f} s", last < 1.0))
    if "restarts" in figures:
        refused = sum(count for word, count in figures["restarts"]["outcomes"].items() if word != "ok")
        found.append(
            Goal("Redis killed every 2 s", "no good token refused", f"{refused} refused", refused == 0)
        )
    return found


if __name__ == "__main__":
    command(__doc__, measure, options)

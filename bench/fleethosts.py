"""A fleet on many hosts: network namespaces, each with processes, around one Redis.

    python -m bench.fleethosts [--hosts 8] [--processes N]

Each host is a network namespace with a link to a bridge, on which Redis and the issuer listen. Requests are
counted at the issuer. Distrust is measured from the call on one host to the last token that a process of
another accepted; and, of a host whose link was cut before the call, from when the link is back. It needs
root, `ip`, and that namespaces may be made.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bench.fleet import FLOOD, Workers, fleet, forged, heard, requests
from bench.fleetserver import redis
from bench.report import Goal, Report, Table, command, versions
from rightkey.localissuer import LocalIssuer
from rightkey.transport import DefaultTransport

NETWORK = "10.213.57"
BRIDGE, HOST = "rkbridge", "rkhost"
_NEWNET = 0x40000000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--processes", type=int, default=4, help="on each host")
    parser.add_argument("--cut", type=float, default=5.0, help="seconds that a host is cut off")


def measure(options: argparse.Namespace) -> Report:
    figures = played(options.hosts, options.processes, options.cut)
    return Report("fleethosts", figures, tables(figures), goals=goals(figures), versions=versions("redis"))


def unable() -> str | None:
    """Why hosts cannot be made here; None where they can."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and the program ip"
    made = subprocess.run(["ip", "netns", "add", f"{HOST}-try"], capture_output=True, text=True)
    if made.returncode:
        return f"network namespaces cannot be made: {made.stderr.strip()}"
    ip("netns", "delete", f"{HOST}-try")
    return None if shutil.which("redis-server") else "there is no redis-server"


def played(hosts: int, each: int, cut: float) -> dict[str, Any]:
    """Scene by scene."""
    with ExitStack() as stack:
        names = stack.enter_context(network(hosts))
        server = stack.enter_context(redis(f"{NETWORK}.1"))
        issuer = stack.enter_context(LocalIssuer(algorithm="ES256", host=f"{NETWORK}.1"))
        begin = itertools.cycle([entering(name) for name in names])
        transport = DefaultTransport(plain_http=(f"{NETWORK}.1",))
        around = fleet(issuer, server.url, hosts * each, begin=lambda: next(begin), transport=transport)
        workers = stack.enter_context(around)

        def step(make: Callable[[], str]) -> dict[str, Any]:
            before = requests(issuer)
            outcomes = workers.all([make() for _ in workers.pipes])
            return {
                "requests": requests(issuer) - before,
                "ok": sum(word == "ok" for word, _ in outcomes),
                "of": len(outcomes),
                "longest": max(seconds for _, seconds in outcomes),
            }

        scenes = {"cold start": step(issuer.token)}
        issuer.rotate(surprise=True)
        scenes["surprise rotation"] = step(issuer.token)
        before = requests(issuer)
        for _ in range(FLOOD):
            step(lambda: forged(issuer))
        flood = requests(issuer) - before
        told = distrusted(Told(workers, hosts), issuer, cut)
        return {"hosts": hosts, "each": each, "scenes": scenes, "flood": flood, "distrust": told, "cut": cut}


@dataclass
class Told:
    """Processes, of which each `hosts`-th is on one host."""

    workers: Workers
    hosts: int

    def on(self, host: int) -> list[Any]:
        return self.workers.pipes[host :: self.hosts]


def distrusted(told: Told, issuer: LocalIssuer, cut: float) -> dict[str, list[float]]:
    """Seconds until the last token was accepted: on other hosts, and on the one that was cut off."""
    raw = issuer.token()
    first = told.on(0)[0]
    away = told.on(told.hosts - 1)
    others = [pipe for host in range(1, told.hosts - 1) for pipe in told.on(host)]
    for pipe in (*others, *away):
        pipe.send(("until refused", raw))
    time.sleep(1.0)
    link(told.hosts - 1, "down")
    began = time.monotonic()
    first.send(("distrust", issuer.current.kid))
    heard(first)
    near = sorted(max(0.0, heard(pipe) - began) for pipe in others)
    time.sleep(max(0.0, began + cut - time.monotonic()))
    link(told.hosts - 1, "up")
    back = time.monotonic()
    return {"others": near, "cut off": sorted(max(0.0, heard(pipe) - back) for pipe in away)}


@contextmanager
def network(hosts: int) -> Iterator[list[str]]:
    """Namespaces around a bridge; they are gone when it ends."""
    names = [f"{HOST}{number}" for number in range(hosts)]
    with ExitStack() as stack:
        ip("link", "add", BRIDGE, "type", "bridge")
        stack.callback(ip, "link", "delete", BRIDGE)
        ip("address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ours = f"{HOST}{number}b"
            ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", ours, "master", BRIDGE, "up")
            ip("-n", name, "address", "add", f"{NETWORK}.{number + 10}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names


def link(host: int, state: str) -> None:
    """Cut a host off, or let it back."""
    ip("link", "set", f"{HOST}{host}b", state)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def entering(name: str) -> Callable[[], None]:
    """What moves the process that calls it onto a host."""

    def enter() -> None:
        with open(f"/run/netns/{name}") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEWNET):
                raise OSError(ctypes.get_errno(), "a process cannot enter its namespace")

    return enter


def tables(figures: dict[str, Any]) -> list[Table]:
    rows = [
        (name, f"{one['requests']}", f"{one['ok']} of {one['of']}", f"{1e3 * one['longest']:,.0f}")
        for name, one in figures["scenes"].items()
    ]
    rows.append((f"{FLOOD} forged tokens each", f"{figures['flood']}", "", ""))
    spread = [
        (name, *(f"{1e3 * one:,.0f}" for one in (statistics.median(taken), taken[-1])))
        for name, taken in figures["distrust"].items()
    ]
    title = f"{figures['hosts']} hosts of {figures['each']} processes, each step by all at once"
    return [
        Table(title, ("scene", "requests", "accepted", "longest, ms"), rows),
        Table("Distrust: to the last token accepted", ("hosts", "median, ms", "longest, ms"), spread),
    ]


def goals(figures: dict[str, Any]) -> list[Goal]:
    scenes, distrust = figures["scenes"], figures["distrust"]
    asked = [("cold start", scenes["cold start"]["requests"], 2)]
    asked += [
        ("surprise rotation", scenes["surprise rotation"]["requests"], 1),
        ("flood", figures["flood"], 2),
    ]
    found = [Goal(name, f"at most {most} requests", f"{one}", one <= most) for name, one, most in asked]
    for name in ("others", "cut off"):
        last = distrust[name][-1]
        found.append(Goal(f"distrust, {name}", "under 1 s", f"{last:.2f} s", last < 1.0))
    return found


if __name__ == "__main__":
    why = unable()
    if why is None:
        command(__doc__, measure, options)
    else:
        print(f"skipped: {why}", file=sys.stderr)

"""Locating: what it takes to come by keys, and whom it keeps waiting.

    python -m bench.locating [--callers 1000] [--seconds 3] [--rounds 5]

Over a loopback issuer whose every answer takes a quarter of a second: the first tokens of one caller and of
many at once; the first token by a key not seen before. Then, against answers that take three seconds:
how long a token by a known key takes while a token of an unknown key has the keys fetched, beside how long it
takes when nothing is going on. At last, a warm verification out of a set of a thousand keys.

"Threads alone" are as many callers that wait for one future of Python's own, resolved after as long, and then
check a signature by `cryptography`: what threads take, whatever they wait for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from bench.contenders import Stage, Verify, oxyjwt_client, pyjwt_client, rightkey_client
from bench.measure import Spread, calls_of, in_turns
from bench.report import Goal, Report, Table, command, versions
from bench.verifying import bare_check
from rightkey import AsyncVerifier, KeySet, Verifier
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint

CLIENTS = {"rightkey": rightkey_client, "PyJWT": pyjwt_client, "oxyjwt": oxyjwt_client}
DELAY = 0.25  # seconds an answer takes
MANY_KEYS = 1000
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
"""Of how many calls the longest is told."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)


def measure(options: argparse.Namespace) -> Report:
    report = Report("locating", {}, [], versions=versions("rightkey", "cryptography", "PyJWT", "oxyjwt"))
    report.figures = {
        "cold": cold(options.callers, options.rounds, report),
        "rotation": rotation(options.rounds, report),
        "refreshing": refreshing(options.seconds, options.rounds, report),
        "keys": keys(report),
    }
    return report


def cold(callers: int, rounds: int, report: Report) -> dict[str, Any]:
    """Fresh issuers and verifiers, one caller and many in turns."""
    found: dict[str, dict[int, list[tuple[float, int, int]]]] = {}
    ways = {name: threads(make) for name, make in (CLIENTS | {"threads alone": waiting}).items()}
    ways["rightkey, tasks"] = tasks
    for _ in range(rounds):
        for name, way in ways.items():
            for count in (1, callers):
                with LocalIssuer(delay=DELAY) as issuer:
                    seconds, refused = way(issuer, count)
                    sample = (seconds, issuer.requests.total, refused)
                    found.setdefault(name, {}).setdefault(count, []).append(sample)
    rows, figures = [], {}
    for name, by_count in found.items():
        one, many = (statistics.median(sample[0] for sample in samples) for samples in by_count.values())
        requests, refused = (max(int(sample[i]) for sample in by_count[callers]) for i in (1, 2))
        figures[name] = {"one": one, "many": many, "requests": requests, "refused": refused}
        took = f"{1e3 * one:.0f} ms", f"{1e3 * many:.0f} ms", f"{many / one:.2f}"
        rows.append((name, *took, str(requests), str(refused)))
        if name.startswith("rightkey"):
            report.goals.append(
                Goal(
                    f"cold start, {callers:,} callers ({'tasks' if 'tasks' in name else 'threads'})",
                    "2 requests, within 1.2 times one caller's time",
                    f"{requests} requests, {many / one:.2f} times",
                    requests == 2 and many <= 1.2 * one and not refused,
                )
            )
    alone = figures["threads alone"]
    report.notes.append(
        f"Of {callers:,} threads that wait for a future and check a signature, and do nothing else, the last "
        f"is through after {alone['many'] / alone['one']:.2f} times one thread's time."
    )
    columns = ("who", "one caller", "all of many", "ratio", "requests", "refused")
    report.tables.append(Table(f"Cold start, {callers:,} callers", columns, rows))
    return figures


def threads(make: Callable[[Stage], Verify]) -> Callable[[LocalIssuer, int], tuple[float, int]]:
    """Callers in threads that are let go at once: seconds until the last has its answer, and the refused."""

    def way(issuer: LocalIssuer, count: int) -> tuple[float, int]:
        verify, token = make(Stage.of(issuer)), issuer.token(sub="alice")
        go, ended, refused = threading.Event(), [0.0] * count, []

        def caller(number: int) -> None:
            go.wait()
            try:
                verify(token)
            except Exception as error:  # noqa: BLE001 - whatever it raises, a good token was refused
                refused.append(error)
            ended[number] = time.perf_counter()

        callers = [threading.Thread(target=caller, args=(number,)) for number in range(count)]
        for each in callers:
            each.start()
        start = time.perf_counter()
        go.set()
        for each in callers:
            each.join()
        return max(ended) - start, len(refused)

    return way


def waiting(stage: Stage) -> Verify:
    """A wait for one future, as long as two requests take, and the bare check of a signature; no more."""
    check = bare_check(stage, stage.issuer.token(sub="alice"))
    done: Future[None] = Future()
    timer = threading.Timer(2 * DELAY, done.set_result, (None,))
    started = threading.Lock()

    def verify(_: str) -> None:
        if started.acquire(blocking=False):
            timer.start()
        done.result()
        check(1)

    return verify


def tasks(issuer: LocalIssuer, count: int) -> tuple[float, int]:
    verify, token = AsyncVerifier(issuer.url, audience=issuer.audience).verify, issuer.token(sub="alice")

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(verify(token) for _ in range(count)), return_exceptions=True)

    start = time.perf_counter()
    answers = asyncio.run(all_of_them())
    return time.perf_counter() - start, sum(isinstance(answer, Exception) for answer in answers)


def rotation(rounds: int, report: Report) -> dict[str, Any]:
    """A key not seen before signs from one moment to the next."""
    found: dict[str, list[tuple[float, int, int]]] = {name: [] for name in CLIENTS}
    for _ in range(rounds):
        for name, make in CLIENTS.items():
            with LocalIssuer() as issuer:
                found[name].append(first_by_a_new_key(make, issuer))
    rows, figures = [], {}
    for name, samples in found.items():
        seconds = statistics.median(sample[0] for sample in samples)
        requests, refused = (max(int(sample[i]) for sample in samples) for i in (1, 2))
        figures[name] = {"seconds": seconds, "requests": requests, "refused": refused}
        rows.append((name, f"{1e3 * seconds:.0f} ms", str(requests), "yes" if refused else "no"))
    title = f"First token by a new key, the answer taking {1e3 * DELAY:.0f} ms"
    report.tables.append(Table(title, ("who", "answered after", "requests", "refused"), rows))
    return figures


def first_by_a_new_key(make: Callable[[Stage], Verify], issuer: LocalIssuer) -> tuple[float, int, int]:
    """Seconds until it is answered, requests, and whether it is refused."""
    verify = make(Stage.of(issuer))
    verify(issuer.token(sub="alice"))
    issuer.rotate(surprise=True)
    issuer.requests.clear()
    issuer.delay, token = DELAY, issuer.token(sub="alice")
    refused = 0
    start = time.perf_counter()
    try:
        verify(token)
    except Exception:  # noqa: BLE001 - whatever it raises, a good token was refused
        refused = 1
    return time.perf_counter() - start, issuer.requests.total, refused


def refreshing(seconds: float, rounds: int, report: Report) -> dict[str, Any]:
    """A known key's tokens, idle and during a fetch that a token of an unknown key has caused, in turns."""
    samples: dict[str, dict[str, Phase]] = {
        name: {"idle": Phase(), "refreshing": Phase()} for name in CLIENTS
    }
    for _ in range(max(1, rounds // 2)):
        for name, make in CLIENTS.items():
            for meanwhile, sampled in samples[name].items():
                phase(make, seconds, sampled, busy=meanwhile == "refreshing")
    rows, figures = [], {}
    for name, phases in samples.items():
        figures[name] = {meanwhile: told_of(sampled) for meanwhile, sampled in phases.items()}
        for meanwhile, one in figures[name].items():
            longest = (f"{1e6 * one[share]:,.0f}" for share in (*SHARES, "longest"))
            rows.append((name, meanwhile, *longest, f"{one['calls']:,}", f"{one['requests']:.0f}"))
    columns = ("who", "meanwhile", *(f"{share}, us" for share in (*SHARES, "longest")), "calls", "requests")
    report.tables.append(Table(f"A known key's token, answers taking {seconds:g} s", columns, rows))
    ours = figures["rightkey"]
    ratio = ours["refreshing"]["p99.9"] / ours["idle"]["p99.9"]
    what = "a known key during a refresh, p99.9"
    report.goals.append(Goal(what, "within 2 times of idle", f"{ratio:.2f} times", ratio <= 2))
    return figures


@dataclass
class Phase:
    """The seconds of each call, and the requests made meanwhile."""

    times: list[float] = field(default_factory=list)
    requests: int = 0


def phase(make: Callable[[Stage], Verify], seconds: float, into: Phase, *, busy: bool) -> None:
    """In both phases another thread waits: for the issuer, or for time to pass."""
    with LocalIssuer() as issuer:
        verify, token, unknown = make(Stage.of(issuer)), issuer.token(sub="alice"), stranger(issuer)
        verify(token)
        issuer.delay = seconds
        issuer.requests.clear()

        def other() -> None:
            with contextlib.suppress(Exception):  # it is refused, in the end
                verify(unknown)

        thread = threading.Thread(target=other if busy else lambda: time.sleep(seconds))
        thread.start()
        into.times += sampled(verify, token, time.perf_counter() + 0.9 * seconds)
        thread.join()
        into.requests += issuer.requests.total


def sampled(verify: Verify, token: str, until: float) -> Iterator[float]:
    end = time.perf_counter()
    while end < until:
        start = end
        verify(token)
        end = time.perf_counter()
        yield end - start


def told_of(phase: Phase) -> dict[str, float]:
    ordered = sorted(phase.times)
    shares = {name: ordered[int(len(ordered) * share)] for name, share in SHARES.items()}
    return {**shares, "longest": ordered[-1], "calls": len(ordered), "requests": phase.requests}


def keys(report: Report) -> dict[str, Any]:
    """The last of a thousand keys, beside the only one."""
    issuer, form = "https://tenant.example/", Form(certificates=False)
    ring = [SigningKey.generate("ES256", form, kid=f"key-{number}") for number in range(MANY_KEYS)]
    token = mint(ring[-1], {"iss": issuer, "aud": "api", "exp": time.time() + 3600})
    document = {"keys": [key.public_jwk() for key in ring]}
    few = KeySet.parse({"keys": document["keys"][-1:]})
    batches = {
        "1 key": calls_of(Verifier(issuer, audience="api", keys=few, remember=0).verify, token),
        f"{MANY_KEYS} keys": calls_of(
            Verifier(issuer, audience="api", keys=KeySet.parse(document), remember=0).verify, token
        ),
    }
    took = {name: Spread.of(times) for name, times in in_turns(batches, 20, 100).items()}
    reading = calls_of(KeySet.parse, document)(3) / 3 / MANY_KEYS
    rows = [(name, f"{1e6 * one.median:.2f}") for name, one in took.items()]
    rows.append(("reading a key, once", f"{1e6 * reading:.1f}"))
    report.tables.append(Table("Keys in a set, ES256", ("what", "median, us"), rows))
    return {name: one.microseconds() for name, one in took.items()} | {"reading": 1e6 * reading}


def stranger(issuer: LocalIssuer) -> str:
    """A token by a key that no issuer publishes."""
    key = SigningKey.generate("RS256", Form(), name="stranger")
    return issuer.token(key=key, sub="mallory")


if __name__ == "__main__":
    command(__doc__, measure, options)

"""Threads and tasks: what several threads verify together, and what awaiting a warm verification adds.

    python -m bench.threads [--rounds 15]

RS256, key at hand, without memory. Every thread makes as many calls; "times one thread" is how much more
they get done together than one alone. The bare check shows what `cryptography` and the interpreter allow: of
what a verifier does, its Python runs in one thread at a time, unless the interpreter has no global lock. With
"a verifier each" threads share nothing, neither verifier nor keys: what one verifier for all gets done less
than that is lost by waiting for each other.

"Beside a busy thread" is one thread that verifies while another does nothing but count. `cryptography` lets
go of the interpreter's lock while it checks a signature, and then waits until the other's turn ends, after
five milliseconds; AWS-LC is called with the lock held, and a remembered token needs no check.

These are times by the clock on the wall: another program's load shows in them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from bench.contenders import (
    Stage,
    by_awslc,
    pyjwt_ready,
    rightkey_awaited,
    rightkey_client,
    rightkey_remembering,
)
from bench.measure import Batch, Spread, awaits_of, calls_of, in_turns, ratio
from bench.report import Goal, Report, Table, command, versions
from bench.verifying import bare_check
from rightkey.localissuer import LocalIssuer

CALLS = 400
THREADS = (1, 2, 4)
EACH = "rightkey, a verifier each"
BESIDE = 9
"""Rounds beside a busy thread."""


def measure(options: argparse.Namespace) -> Report:
    # An issuer whose name leads elsewhere: no verifier shares another's keys.
    with LocalIssuer(url="https://tenant.example/") as issuer, asyncio.Runner() as runner:
        token = issuer.token(sub="alice", scope="read:appointments")
        stage = Stage.of(issuer)
        shared = {
            "bare": bare_check(stage, token),
            "rightkey": calls_of(rightkey_client(stage), token),
            "rightkey, AWS-LC": calls_of(by_awslc(rightkey_client)(stage), token),
            "rightkey, remembered": calls_of(rightkey_remembering(stage), token),
            "PyJWT": calls_of(pyjwt_ready(stage), token),
        }
        threads = {name: [batch] * max(THREADS) for name, batch in shared.items()}
        threads[EACH] = [calls_of(rightkey_client(stage), token) for _ in range(max(THREADS))]
        batches = {
            f"{name}, {count}": together(each[:count]) for name, each in threads.items() for count in THREADS
        }
        samples = in_turns(batches | awaiting(stage, token, runner), options.rounds, CALLS)
        beside = {name: beside_a_busy_thread(batch) for name, batch in shared.items()}
    took = {name: Spread.of(times) for name, times in samples.items()}
    awaited = ratio(samples["awaited"], samples["called in a task"])
    rates = {name: {count: count / took[f"{name}, {count}"].median for count in THREADS} for name in threads}
    return Report(
        "threads",
        {
            "microseconds": {name: one.microseconds() for name, one in took.items()},
            "tokens_a_second": rates,
            "tokens_a_second_beside_a_busy_thread": beside,
            "awaited_over_called": awaited,
            "global_lock": getattr(sys, "_is_gil_enabled", lambda: True)(),
        },
        tables(rates, beside),
        goals=goals(rates, awaited),
        versions=versions("rightkey", "cryptography", "awscrt", "PyJWT"),
    )


def awaiting(stage: Stage, token: str, runner: asyncio.Runner) -> dict[str, Batch]:
    """A warm verification that is awaited, and one that is called in a task."""
    verify = rightkey_client(stage)

    async def called(token: str) -> Any:
        return verify(token)

    return {
        "awaited": awaits_of(rightkey_awaited(stage), token, runner),
        "called in a task": awaits_of(called, token, runner),
    }


def tables(rates: dict[str, dict[int, float]], beside: dict[str, float]) -> list[Table]:
    rows = [
        (name, str(count), f"{rate:,.0f}", f"{rate / by_count[1]:.2f}")
        for name, by_count in rates.items()
        for count, rate in by_count.items()
    ]
    busy = [(name, f"{rate:,.0f}", f"{rate / rates[name][1]:.3f}") for name, rate in beside.items()]
    return [
        Table("Together", ("who", "threads", "tokens a second", "times one thread"), rows),
        Table("Beside a busy thread", ("who", "tokens a second", "times alone"), busy),
    ]


def goals(rates: dict[str, dict[int, float]], awaited: float) -> list[Goal]:
    kept = rates["rightkey"][2] / rates[EACH][2]
    allowed = rates["bare"][2] / rates["bare"][1]
    return [
        Goal("awaited / called, warm", "at most 1.04", f"{awaited:.3f}", awaited <= 1.04),
        Goal(
            "2 threads of one verifier / of a verifier each",
            "at least 0.9: none waits for another",
            f"{kept:.2f} (`cryptography` alone does {allowed:.2f} times one thread's)",
            kept >= 0.9,
        ),
    ]


def together(batches: Sequence[Batch]) -> Batch:
    """A thread for each, all at once, each with every call; seconds from the first start to the last end."""

    def alone(calls: int) -> float:
        start = time.perf_counter()
        batches[0](calls)
        return time.perf_counter() - start

    def timed(calls: int) -> float:
        threads = [threading.Thread(target=batch, args=(calls,)) for batch in batches]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    return timed if len(batches) > 1 else alone


def beside_a_busy_thread(batch: Batch) -> float:
    """Tokens a second, by one thread beside another that never waits for anything."""
    idle = threading.Event()

    def busy() -> None:
        while not idle.is_set():
            pass

    thread = threading.Thread(target=busy)
    thread.start()
    seconds = [together([batch])(CALLS) for _ in range(BESIDE)]
    idle.set()
    thread.join()
    return CALLS / statistics.median(seconds)


if __name__ == "__main__":
    command(__doc__, measure, lambda parser: parser.add_argument("--rounds", type=int, default=15))

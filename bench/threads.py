"""Threads and tasks: what several threads verify together, and what awaiting a warm verification adds.

    python -m bench.threads [--rounds 15]

RS256, key at hand, without memory. Every thread makes as many calls; "times one thread" is how much more
they get done together than one alone. The bare check shows what `cryptography` and the interpreter allow: of
what a verifier does, its Python runs in one thread at a time, unless the interpreter has no global lock.

"Beside a busy thread" is one thread that verifies while another does nothing but count. `cryptography` lets
go of the interpreter's lock while it checks a signature, and then waits until the other's turn ends, after
five milliseconds; a remembered token needs no such check.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import threading
from collections.abc import Callable
from typing import Any

from bench.contenders import Stage, pyjwt_ready, rightkey_client, rightkey_remembering
from bench.measure import Batch, Spread, awaits_of, calls_of, in_turns
from bench.report import Goal, Report, Table, command, versions
from bench.verifying import bare
from rightkey import AsyncVerifier
from rightkey.localissuer import LocalIssuer

CALLS = 400
THREADS = (1, 2, 4)
BESIDE = 9
"""Rounds beside a busy thread."""


def measure(options: argparse.Namespace) -> Report:
    with LocalIssuer() as issuer, asyncio.Runner() as runner:
        token = issuer.token(sub="alice", scope="read:appointments")
        stage = Stage.of(issuer)
        contenders = {
            "bare": bare(stage, token),
            "rightkey": calls_of(rightkey_client(stage), token),
            "rightkey, remembered": calls_of(rightkey_remembering(stage), token),
            "PyJWT": calls_of(pyjwt_ready(stage), token),
        }
        batches = {
            f"{name}, {count}": together(batch, count)
            for name, batch in contenders.items()
            for count in THREADS
        }
        verify = rightkey_client(stage)
        averify = AsyncVerifier(stage.url, audience=issuer.audience, remember=0).verify

        async def called(token: str) -> Any:
            return verify(token)

        batches["awaited"] = awaits_of(averify, token, runner)
        batches["called in a task"] = awaits_of(called, token, runner)
        samples = in_turns(batches, options.rounds, CALLS)
    took = {name: Spread.of(times) for name, times in samples.items()}
    added = 1e6 * (took["awaited"].median - took["called in a task"].median)
    rates = {
        name: {count: count / took[f"{name}, {count}"].median for count in THREADS} for name in contenders
    }
    beside = {name: beside_a_busy_thread(batch) for name, batch in contenders.items()}
    rows = [
        (name, str(count), f"{rate:,.0f}", f"{rate / by_count[1]:.2f}")
        for name, by_count in rates.items()
        for count, rate in by_count.items()
    ]
    two = {name: rate[2] / rate[1] for name, rate in rates.items()}
    return Report(
        "threads",
        {
            "microseconds": {name: one.microseconds() for name, one in took.items()},
            "tokens_a_second": rates,
            "tokens_a_second_beside_a_busy_thread": beside,
            "await_adds_microseconds": added,
            "global_lock": getattr(sys, "_is_gil_enabled", lambda: True)(),
        },
        [
            Table("Together", ("who", "threads", "tokens a second", "times one thread"), rows),
            Table(
                "Beside a busy thread",
                ("who", "tokens a second", "times alone"),
                [(name, f"{rate:,.0f}", f"{rate / rates[name][1]:.2f}") for name, rate in beside.items()],
            ),
        ],
        goals=[
            Goal("async over sync, warm", "under 1 us", f"{added:.2f} us", added < 1),
            Goal(
                "2 threads",
                "what `cryptography` allows",
                f"{two['rightkey']:.2f} times one (bare {two['bare']:.2f})",
                two["rightkey"] >= 0.9 * two["bare"],
            ),
        ],
        versions=versions("rightkey", "cryptography", "PyJWT"),
    )


def together(batch: Batch, count: int) -> Batch:
    """So many threads at once, each making every call; seconds from the first start to the last end."""
    if count == 1:
        return batch

    def timed(calls: int) -> float:
        return calls_of(lambda: run(lambda: batch(calls), count))(1)

    return timed


def beside_a_busy_thread(batch: Batch) -> float:
    """Tokens a second, by one thread beside another that never waits for anything."""
    idle = threading.Event()

    def busy() -> None:
        while not idle.is_set():
            pass

    thread = threading.Thread(target=busy)
    thread.start()
    seconds = [batch(CALLS) for _ in range(BESIDE)]
    idle.set()
    thread.join()
    return CALLS / statistics.median(seconds)


def run(work: Callable[[], Any], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    command(__doc__, measure, lambda parser: parser.add_argument("--rounds", type=int, default=15))

"""How time is taken: contenders in turns, so that a noisy machine slows all of them alike.

Where nothing waits, time is what this process had of the processors, in all its threads. By the clock on the
wall the other programs of a busy machine count as well.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple

Batch = Callable[[int], float]
"""Makes so many calls, and says how many seconds they took."""
Clock = Callable[[], float]


class Spread(NamedTuple):
    """The median and the quartiles, in seconds a call."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        low, middle, high = statistics.quantiles(samples, n=4)
        return cls(middle, low, high)

    def microseconds(self) -> dict[str, float]:
        return {name: 1e6 * value for name, value in self._asdict().items()}


def in_turns(batches: Mapping[str, Batch], rounds: int, calls: int) -> dict[str, list[float]]:
    """Seconds a call of each, a short round each again and again; the first warms up."""
    samples: dict[str, list[float]] = {name: [] for name in batches}
    for turn in range(rounds + 1):
        for name, batch in batches.items():
            seconds = batch(calls) / calls
            if turn:
                samples[name].append(seconds)
    return samples


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """How many times the other one takes: the median over the rounds, since a machine's mood outlasts one."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    """How many seconds more than the other one takes, likewise."""
    return statistics.median(a - b for a, b in zip(one, other, strict=True))


def calls_of(call: Callable[..., Any], *values: Any, clock: Clock = time.process_time) -> Batch:
    """Calls with each of the values in turn, and from the first again; with none where there is none."""
    if len(values) < 2:
        return lambda calls: _timed(call, values, calls, clock)
    around = cycle(values)
    return lambda calls: _timed_over(call, islice(around, calls), clock)


def _timed(call: Callable[..., Any], arguments: tuple[Any, ...], calls: int, clock: Clock) -> float:
    start = clock()
    for _ in range(calls):
        call(*arguments)
    return clock() - start


def _timed_over(call: Callable[[Any], Any], values: Iterator[Any], clock: Clock) -> float:
    start = clock()
    for value in values:
        call(value)
    return clock() - start


def awaits_of(call: Callable[[Any], Awaitable[Any]], value: Any, runner: asyncio.Runner) -> Batch:
    """Awaits one call after the other, all in one task."""

    async def timed(calls: int) -> float:
        start = time.process_time()
        for _ in range(calls):
            await call(value)
        return time.process_time() - start

    return lambda calls: runner.run(timed(calls))


def of_children() -> float:
    """What processes that have ended had of the processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process_of(*arguments: str, clock: Clock = of_children) -> Batch:
    """Python in a process of its own, from compiled files as a service has them."""
    command, settings = [sys.executable, *arguments], environment()
    return calls_of(
        lambda: subprocess.run(command, check=True, env=settings, stdout=subprocess.DEVNULL), clock=clock
    )


def environment() -> dict[str, str]:
    """Of a process that writes and reads compiled files, whatever the shell says."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

"""How time is taken: contenders in turns, so that a noisy machine slows all of them alike."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple

Batch = Callable[[int], float]
"""Makes so many calls, and says how many seconds they took."""


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


def calls_of(call: Callable[..., Any], *values: Any) -> Batch:
    """Calls with each of the values in turn, and from the first again; with none where there is none."""
    if len(values) < 2:
        return lambda calls: _timed(call, values, calls)
    around = cycle(values)
    return lambda calls: _timed_over(call, islice(around, calls))


def _timed(call: Callable[..., Any], arguments: tuple[Any, ...], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call(*arguments)
    return time.perf_counter() - start


def _timed_over(call: Callable[[Any], Any], values: Iterator[Any]) -> float:
    start = time.perf_counter()
    for value in values:
        call(value)
    return time.perf_counter() - start


def awaits_of(call: Callable[[Any], Awaitable[Any]], value: Any, runner: asyncio.Runner) -> Batch:
    """Awaits one call after the other, all in one task."""

    async def timed(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            await call(value)
        return time.perf_counter() - start

    return lambda calls: runner.run(timed(calls))


def process_of(*arguments: str) -> Batch:
    """Python in a process of its own, from compiled files as a service has them, whatever the shell says."""
    command = [sys.executable, *arguments]
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return calls_of(lambda: subprocess.run(command, check=True, env=settings, stdout=subprocess.DEVNULL))

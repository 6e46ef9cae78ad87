"""`python -m fuzz [target] --runs N --seed S`: exit code 1 where an invariant does not hold, or where the
libraries disagree without a reason in the table."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import Random

from fuzz.differential import run as differential
from fuzz.doors import DOORS
from fuzz.targets import TARGETS, Target

ALL = TARGETS | DOORS

SLOW = 0.05
"""Seconds of this thread: a busy machine makes no input slow. None of a few kilobytes may take longer."""


def run(name: str, target: Target, runs: int, seed: int) -> int:
    """Throw `runs` inputs; tell what was seen, and return how many broke the invariant."""
    accepted = broken = slow = 0
    slowest, began = 0.0, time.perf_counter()
    for number in range(runs):
        start = time.thread_time()
        try:
            accepted += target(Random(f"{name} {seed} {number}"), number)  # noqa: S311 - to be made again
        except Exception:  # noqa: BLE001 - that is what is looked for
            broken += 1
            print(f"{name}: input {number} of seed {seed} breaks the invariant", file=sys.stderr)
            traceback.print_exc()
        took = time.thread_time() - start
        slowest = max(slowest, took)
        slow += took > SLOW
    seconds = time.perf_counter() - began
    print(
        f"{name}: {runs} inputs, {accepted} accepted, {runs - accepted - broken} refused, {broken} broken, "
        f"slowest {1000 * slowest:.1f} ms, {slow} over {1000 * SLOW:.0f} ms, {seconds:.1f} s"
    )
    return broken


def main() -> int:
    """Read the command line, and play."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    targets = [*ALL, "differential"]
    parser.add_argument("target", nargs="?", choices=targets, help="by default all but differential")
    parser.add_argument("--runs", type=int, default=10_000, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same inputs")
    asked = parser.parse_args()
    if asked.target == "differential":
        return differential.main(asked.runs, asked.seed)
    names = [asked.target] if asked.target else list(ALL)
    return 1 if sum(run(name, ALL[name], asked.runs, asked.seed) for name in names) else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m simulation`: exit code 1 where a property does not hold."""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path

from simulation import fleet
from simulation.crowd import crowd
from simulation.history import STEPS, Played, Step, play, shrunk, steps_of


class Tally:
    """What was played."""

    def __init__(self) -> None:
        self.seeds = self.steps = self.calls = self.requests = self.failures = 0
        self.seconds = 0.0
        self.verdicts: dict[str, int] = {}

    def add(self, played: Played, steps: int) -> None:
        self.seeds += 1
        self.steps += steps
        self.calls += played.calls
        self.requests += played.requests
        self.seconds += played.seconds
        self.failures += played.fault is not None
        for word, count in played.verdicts.items():
            self.verdicts[word] = self.verdicts.get(word, 0) + count

    def __str__(self) -> str:
        told = ", ".join(f"{count} {word}" for word, count in sorted(self.verdicts.items()))
        return (
            f"{self.seeds} seeds, {self.steps} steps, {self.seconds / 3600:.1f} hours, {self.calls} calls "
            f"({told}), {self.requests} requests, {self.failures} failures"
        )


def report(seed: int, steps: list[Step], played: Played, shorten: bool) -> None:
    """Tell a failure: the seed, the step, and a short history that replays."""
    assert played.fault is not None
    print(f"seed {seed}, step {played.step}: {played.fault}", file=sys.stderr)
    if not shorten:
        return
    few = shrunk(seed, steps[: played.step + 1], played.fault)
    again = play(seed, few)
    path = Path(f"simulation-{seed}.json")
    path.write_text(json.dumps({"seed": seed, "steps": few}))
    print("\n".join(again.told), file=sys.stderr)
    print(f"{len(few)} steps; replay: python -m simulation --replay {path}", file=sys.stderr)


def crowds(count: int) -> int:
    """Exit code 1 where a healthy issuer waits longer than is stated."""
    late = 0
    settings = (32, 8) if count < 1000 else (32,)
    for places, hanging, known in product(settings, (0, count // 3), (False, True)):
        waited = crowd(count - hanging, hanging, known=known, places=places)
        late += waited.longest > waited.bound
        asked = "that have answered" if known else "that were never asked"
        print(
            f"{count - hanging} healthy issuers {asked}, {hanging} that hang, {places} places: "
            f"{waited.longest:.2f} s in line, {waited.bound:.2f} s are stated"
        )
    return int(late > 0)


def main() -> int:
    if sys.argv[1:2] == ["fleet"]:
        return fleet.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first; the same plays the same")
    parser.add_argument("--seeds", type=int, default=0, help="how many, one after the other")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long to go on, in real time")
    parser.add_argument("--hours", type=float, default=0.0, help="the same in hours")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each history")
    parser.add_argument("--failures", type=int, default=1, help="after how many to stop")
    parser.add_argument("--no-shrink", action="store_true", help="tell failures as they are")
    parser.add_argument("--replay", type=Path, help="play a history that was written by a failure")
    parser.add_argument(
        "--crowd", type=int, help="how long this many issuers stand in line, a third of which hang"
    )
    asked = parser.parse_args()
    if asked.crowd:
        return crowds(asked.crowd)
    if asked.replay:
        written = json.loads(asked.replay.read_text())
        played = play(written["seed"], [Step(*step) for step in written["steps"]])
        print("\n".join(played.told))
        return int(played.fault is not None)
    until = time.monotonic() + asked.seconds + 3600 * asked.hours
    seeds, tally, seed = asked.seeds or (0 if asked.seconds or asked.hours else 20), Tally(), asked.seed
    while (tally.seeds < seeds or time.monotonic() < until) and tally.failures < asked.failures:
        steps = steps_of(seed, asked.steps)
        played = play(seed, steps)
        tally.add(played, len(steps))
        if played.fault is not None:
            report(seed, steps, played, not asked.no_shrink)
        seed += 1
    print(tally, flush=True)
    return int(tally.failures > 0)


if __name__ == "__main__":
    sys.exit(main())

"""A history: steps made by a seed, played, and where a property fails cut down to the few that matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from simulation.actions import ACTIONS
from simulation.stage import Stage
from simulation.world import Fault

STEPS = 80
"""Steps of one history."""
TRIES = 300
"""Histories that are played at most to cut one down."""
_PAUSES = ((0.0, 0.0), (0.0, 1.0), (0.0, 10.0), (5.0, 40.0), (50.0, 400.0), (400.0, 4000.0))


class Step(NamedTuple):
    """So many seconds after the one before, this is done by or at an issuer; `salt` decides the rest."""

    after: float
    action: str
    issuer: int
    salt: int


@dataclass
class Played:
    """What came of a history."""

    fault: Fault | None
    step: int
    told: list[str] = field(default_factory=list)
    seconds: float = 0.0
    calls: int = 0
    requests: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)


def steps_of(seed: int, count: int = STEPS) -> list[Step]:
    """The steps of a seed."""
    chance = Random(f"steps {seed}")
    names = list(ACTIONS)
    weights = [ACTIONS[name][0] for name in names]
    favourite = chance.randrange(8)
    steps = []
    for name in chance.choices(names, weights, k=count):
        issuer = favourite if chance.random() < 0.6 else chance.randrange(8)
        after = round(chance.uniform(*chance.choice(_PAUSES)), 3)
        steps.append(Step(after, name, issuer, chance.getrandbits(32)))
    return steps


def play(seed: int, steps: list[Step]) -> Played:
    """Play them on the stage of this seed."""
    stage = Stage(seed)
    stage.cast(Random(f"cast {seed}"))
    played = Played(None, 0)
    try:
        for played.step, step in enumerate(steps):
            stage.world.run(stage.world.now + step.after)
            issuer = stage.issuers[step.issuer % len(stage.issuers)]
            what = ACTIONS[step.action][1](stage, issuer, Random(step.salt))
            played.told.append(f"{stage.world.now:10.3f}  {issuer.host.split('.')[0]}: {what}")
            stage.world.run(stage.world.now)
            stage.check()
        stage.close()
    except Fault as fault:
        played.fault = fault
        played.told.append(f"{stage.world.now:10.3f}  {fault}")
    finally:
        stage.world.end()
    played.seconds, played.calls = stage.world.now, stage.calls
    played.requests, played.verdicts = stage.observed.requests, stage.oracle.verdicts
    return played


def shrunk(seed: int, steps: list[Step], fault: Fault) -> list[Step]:
    """Fewer steps that break the same rule (delta debugging)."""
    size, tries = max(1, len(steps) // 2), 0
    while tries < TRIES:
        at, shorter = 0, False
        while at < len(steps) and tries < TRIES:
            left = steps[:at] + _joined(steps[at : at + size], steps[at + size :])
            tries += 1
            again = play(seed, left).fault
            if again is not None and again.rule == fault.rule:
                steps, shorter = left, True
            else:
                at += size
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return steps


def _joined(gone: list[Step], rest: list[Step]) -> list[Step]:
    """The rest, at the times at which it was."""
    passed = sum(step.after for step in gone)
    return [rest[0]._replace(after=round(rest[0].after + passed, 3)), *rest[1:]] if rest else []

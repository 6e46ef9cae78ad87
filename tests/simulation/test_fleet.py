"""The simulation of a fleet: its scenes keep to what is stated, and fail where a rule is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SCENES = 12
NO_AGE = """
from rightkey.stores.entry import Entry
Entry.age = lambda self, said, wall: 0.0
"""
NO_BUDGET = """
from rightkey.stores import turns
turns._draw = lambda place, asked, now: 0.0
"""
NO_OUTAGE = """
from rightkey.stores import shared
shared.read_outage = lambda seal, place, text: None
"""
NOT_TOLD_AGAIN = """
from rightkey.stores.fleet import Fleet
Fleet._put_again = lambda self, there: True
"""


def played(*options: str, broken: str = "") -> subprocess.CompletedProcess[str]:
    """Apart from this process, with a rule broken."""
    code = f"import sys\n{broken}\nfrom simulation import fleet\nsys.exit(fleet.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [50, 1000, 3])
def test_every_scene_keeps_to_what_is_stated(workers: int) -> None:
    """Requests, seconds, numbers and ages, by the real stores' rules."""
    done = played("--workers", str(workers))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2 + SCENES


def test_scenes_can_be_left_out() -> None:
    """The outages and the flood take most of the time that a large fleet needs."""
    done = played("--workers", "3", "--without", "issuer", "--without", "forged")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2 + SCENES - 3


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (NO_AGE, "no document is younger than it is"),
        (NO_BUDGET, "one budget"),
        (NO_OUTAGE, "requests"),
        (NOT_TOLD_AGAIN, "distrust outlives the store"),
    ],
)
def test_a_broken_rule_is_seen(broken: str, rule: str) -> None:
    """A simulation that passes proves something only if it can fail."""
    done = played("--workers", "50", broken=broken)
    assert done.returncode == 1
    assert f": {rule}" in done.stderr


def test_a_fleet_plays_the_same_each_time() -> None:
    """Or else no failure could be looked at."""
    once, again = (played("--workers", "50", "--seed", "3").stdout for _ in "ab")
    assert once == again

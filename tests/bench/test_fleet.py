"""A fleet of few processes, in seconds: what it costs an issuer, and what its store's failures do to it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server"),
]


def measured(program: str, *options: str) -> dict[str, Any]:
    """Its figures. Skips where it says why it cannot run."""
    command = [sys.executable, "-m", f"bench.{program}", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    if not done.stdout and done.stderr.startswith("skipped: "):
        pytest.skip(done.stderr)
    return dict(json.loads(done.stdout)["figures"])


def test_a_fleet_asks_less_than_its_processes_do() -> None:
    """How much less depends on the machine. While its server is killed no good token is refused."""
    found = measured("fleet", "--processes=10", "--seconds=4")
    for scene in ("cold start", "surprise rotation"):
        assert found["a directory"][scene]["requests"] < found["no store"][scene]["requests"]
        assert found["Redis"][scene]["ok"] == found["Redis"][scene]["of"] == 10
    assert len(found["Redis"]["distrust"]["seconds"]) == 9
    assert found["restarts"]["kills"] >= 1
    assert [*found["restarts"]["outcomes"]] == ["ok"]


def test_no_fault_of_the_store_refuses_a_good_token() -> None:
    """And each that can be told is."""
    found = measured("fleetfaults", "--processes=3", "--seconds=1.5", "--blocks=5")["faults"]
    assert len(found) == 8
    for name, one in found.items():
        assert [*one["outcomes"]] == ["ok"], name
        assert not one["expected"] or any(event.startswith(one["expected"]) for event in one["told"]), name


def test_hosts_are_one_fleet() -> None:
    """Distrust comes to all of them, and to one that was cut off when it is back."""
    found = measured("fleethosts", "--hosts=3", "--processes=2", "--cut=1")
    assert {name: (one["ok"], one["of"]) for name, one in found["scenes"].items()} == {
        "cold start": (6, 6),
        "surprise rotation": (6, 6),
    }
    assert len(found["distrust"]["others"]) == len(found["distrust"]["cut off"]) == 2

"""A fleet of few processes, in seconds: what it costs an issuer, and what its store's failures do to it."""

from __future__ import annotations

import shutil
from argparse import Namespace
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server"),
]
pytest.importorskip("redis")

from bench.fleet import measure  # noqa: E402

from bench import fleetfaults, fleethosts  # noqa: E402


def test_a_fleet_asks_as_one_process_does() -> None:
    """Also while its server is killed, which refuses no good token."""
    report = measure(Namespace(processes=20, seconds=4.0))
    assert [goal for goal in report.goals if not goal.reached] == []
    assert report.figures["restarts"]["kills"] >= 2


@pytest.mark.parametrize("name", fleetfaults.FAULTS)
def test_no_fault_of_the_store_refuses_a_good_token(name: str) -> None:
    """And each that can be told is."""
    fault, expected = fleetfaults.FAULTS[name]
    found = fleetfaults.suffered(fault, expected, 3, 1.5)
    assert [*found["outcomes"]] == ["ok"], found
    assert not expected or any(event.startswith(expected) for event in found["told"]), found


def test_hosts_are_one_fleet() -> None:
    """Distrust comes to all of them, and to one that was cut off when it is back."""
    why = fleethosts.unable()
    if why is not None:
        pytest.skip(why)
    found: dict[str, Any] = fleethosts.played(3, 2, 1.0)
    assert {name: (one["ok"], one["of"]) for name, one in found["scenes"].items()} == {
        "cold start": (6, 6),
        "surprise rotation": (6, 6),
    }
    assert found["scenes"]["surprise rotation"]["requests"] == 1
    assert len(found["distrust"]["others"]) == len(found["distrust"]["cut off"]) == 2

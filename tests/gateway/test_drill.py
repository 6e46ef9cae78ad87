"""The drill before nginx, the gateway and a service that verifies nothing by itself: every row passes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
FRONT = Path(__file__).with_name("front.py")


def test_every_exercise_is_passed(tmp_path: Path, free_ports: Callable[[], int]) -> None:
    """What a standard demands, and what is advice."""
    if not Path("/usr/sbin/nginx").exists():
        pytest.skip("there is no nginx on this machine")
    ports = [str(free_ports()) for _ in range(3)]
    service = [sys.executable, str(FRONT), str(tmp_path), "2", *ports]
    url = f"http://127.0.0.1:{ports[0]}/"
    drill = [sys.executable, "-m", "rightkey", "drill", url, "--life", "2", "--json"]
    done = subprocess.run([*drill, "--", *service], capture_output=True, text=True, timeout=600)
    card = json.loads(done.stdout)
    assert (card["failing"], card["failed"], card["error"], done.returncode) == ([], 0, 0, 0), done.stderr
    assert len(card["rows"]) > 90

"""Every target of the fuzzer runs, and its invariant holds for a few inputs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_target_holds() -> None:
    """A target that has rotted, or refuses every input and so shows nothing."""
    command = [sys.executable, "-m", "fuzz", "--runs", "100", "--seed", "17"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    accepted = dict(
        re.findall(r"^(\w+): 100 inputs, (\d+) accepted, \d+ refused, 0 broken", done.stdout, re.M)
    )
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/fuzzing.md").read_text(encoding="utf-8"), re.M)
    assert list(accepted) == documented
    assert "0" not in accepted.values()

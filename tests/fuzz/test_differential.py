"""The fuzzer that asks four libraries at once: it runs, what it finds is in the table, and the docs show the
table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("joserfc")
pytest.importorskip("jwcrypto")

ROOT = Path(__file__).resolve().parents[2]


def played(*command: str) -> subprocess.CompletedProcess[str]:
    """What Python says where `fuzz` can be imported."""
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, encoding="utf-8")


@pytest.mark.slow
def test_no_class_is_without_a_reason() -> None:
    """A token or key that rightkey judges unlike two of the others, without a reason that is written down."""
    done = played("-m", "fuzz", "differential", "--runs", "700", "--seed", "17")
    assert done.returncode == 0, done.stderr
    assert "rightkey accepts 0" not in done.stdout
    assert "0 of them not in the table" in done.stdout


@pytest.mark.slow
def test_a_class_without_a_reason_is_a_finding() -> None:
    """A table that matches whatever comes, so that a new disagreement passes."""
    done = played("-c", "from fuzz.differential.run import main; raise SystemExit(main(24, 17, reasons=()))")
    assert done.returncode == 1, done.stdout
    assert "not in the table: " in done.stderr


@pytest.mark.slow
def test_a_library_that_is_missing_is_named() -> None:
    """A run that compares with nothing, and is green."""
    program = (
        "from fuzz.differential import readers, run; readers.READERS['another'] = readers.pyjwt;"
        "raise SystemExit(run.main(1, 1))"
    )
    done = played("-c", program)
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["differential: not installed: another (pip install -e '.[test]')"]


def test_the_docs_have_the_table() -> None:
    """A reason that was changed in one place."""
    done = played("-c", "from fuzz.differential.table import page; print(page())")
    assert done.stdout.strip() in (ROOT / "docs/fuzzing.md").read_text(encoding="utf-8")

"""The example of a queue's workers: processes of their own, with a verifier each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rightkey.localissuer import LocalIssuer, fault

EXAMPLE = Path(__file__).parents[2] / "examples" / "worker_app.py"
pytestmark = pytest.mark.slow


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """An issuer on loopback, which is asked by other processes."""
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def worked(folder: Path, issuer: LocalIssuer, *tokens: str) -> list[str]:
    """What became of these messages, by the example as it stands but for the issuer's name."""
    text = EXAMPLE.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url))
    (folder / EXAMPLE.name).write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, EXAMPLE.name],
        cwd=folder,
        input="\n".join(tokens),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_what_is_done_and_what_is_dropped(issuer: LocalIssuer, tmp_path: Path) -> None:
    """A token that is refused is never tried again, and holds up none of the others."""
    good = issuer.token(sub="alice", scope="read:appointments")
    assert worked(tmp_path, issuer, good, issuer.attack("expired"), issuer.token(sub="bob"), "x", good) == [
        "done for alice",
        "dropped: claims_rejected",
        "dropped: scope_insufficient",
        "dropped: token_malformed",
        "done for alice",
    ]


def test_an_outage_drops_no_message(issuer: LocalIssuer, tmp_path: Path) -> None:
    """It is tried again after what the issuer says."""
    issuer.misbehave("jwks", fault("status", code=503, retry_after=1), times=3)
    tokens = [issuer.token(sub=f"s{number}", scope="read:appointments") for number in range(6)]
    assert worked(tmp_path, issuer, *tokens) == [f"done for s{number}" for number in range(6)]

"""Recorded rotations: at every version of every history, a token of each published key verifies.

The data lies in `../shared/vectors`; see `test_vectors.py`. The program is `bench/rotations.py`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SERIES = ROOT.parent / "shared" / "vectors" / "providers" / "wellknown-series"
pytestmark = pytest.mark.skipif(not SERIES.is_dir(), reason="../shared/vectors is not here")


@pytest.fixture(scope="module")
def rotations() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rotations", ROOT / "bench" / "rotations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rotations"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


HISTORIES = sorted(SERIES.glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_published_key_verifies_at_every_version(rotations: ModuleType, path: Path) -> None:
    """A second after a change that nobody announced, by two requests a version at most and one to begin."""
    played = rotations.play(path, grace=0.0)
    assert played.published >= played.versions
    assert played.refused == 0
    assert played.requests["keys"] <= 2 * played.versions + 1


def test_a_grace_spares_tokens_of_keys_that_come_back(rotations: ModuleType) -> None:
    """Entra's: with five minutes fewer are refused, and fewer requests are made."""
    entra = SERIES / "entra-organizations.json"
    strict, lenient = (rotations.play(entra, grace=grace) for grace in (0.0, 300.0))
    assert lenient.refused == 0
    assert lenient.lagging_refused < strict.lagging_refused / 2
    assert lenient.requests["keys"] < strict.requests["keys"]


def test_the_page_has_a_row_of_each_history(rotations: ModuleType) -> None:
    """As the program prints it, both without and with a grace."""
    page = (ROOT / "docs" / "rotations.md").read_text(encoding="utf-8")
    assert "\n".join(rotations.HEAD) in page
    for path in HISTORIES:
        versions = len(rotations.read(path)[0])
        for grace in (0, 300):
            assert f"| {path.stem} | {versions} | {grace} s | 0 of " in page

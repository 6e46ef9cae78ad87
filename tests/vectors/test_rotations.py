"""Recorded rotations: at every version of every history, a token of each published key verifies.

The data lies in `../shared/vectors`; see `test_vectors.py`. The program is `bench/rotations.py`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SERIES = ROOT.parent / "shared" / "vectors" / "providers" / "wellknown-series"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERIES.is_dir(), reason="../shared/vectors is not here"),
]
HISTORIES = sorted(SERIES.glob("*.json"))


@pytest.fixture(scope="module")
def rotations() -> Iterator[ModuleType]:
    """From beside the tests, wherever they are run and whatever of rightkey is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        module = importlib.import_module("bench.rotations")
        patch.setattr(module, "read", cache(module.read))  # keys are made for each history: once is enough
        yield module


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_published_key_verifies_at_every_version(rotations: ModuleType, path: Path) -> None:
    """A second after a change that was not announced, by two requests a version at most and one to begin."""
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


def test_a_grace_spares_published_keys_where_front_ends_disagree(rotations: ModuleType) -> None:
    """A service that is asked every five minutes, by answers of which some lag a version behind."""
    entra = SERIES / "entra-organizations.json"
    strict, lenient = (rotations.play(entra, grace, 300.0, lag=True) for grace in (0.0, 300.0))
    assert strict.published == lenient.published > 4000
    assert lenient.refused < strict.refused
    assert lenient.lagging_refused < strict.lagging_refused
    assert lenient.requests["keys"] < strict.requests["keys"]


def test_members_that_sign_nothing_are_served_and_played_by_nobody(rotations: ModuleType) -> None:
    """And those that sign keep what they say of themselves, under other numbers."""
    (paypal,), signers = rotations.read(SERIES / "paypal.json")
    assert (len(paypal.members), len(paypal.keys), len(signers)) == (15, 14, 14)
    assert {signer.algorithm for signer in signers.values()} == {"RS256", "PS256", "ES256"}
    recorded = json.loads((SERIES / "paypal.json").read_bytes())["jwks_versions"][0]["jwks"]["keys"]
    for was, member in zip(recorded, paypal.members, strict=True):
        others = was.keys() - rotations.NUMBERS - rotations.CERTIFICATE
        assert {name: member[name] for name in others} == {name: was[name] for name in others}
    unplayed = [member for member in paypal.members if member in recorded]
    assert [member["crv"] for member in unplayed] == ["X25519"]


def test_the_page_has_a_row_of_each_history(rotations: ModuleType) -> None:
    """As the program prints it, both without and with a grace."""
    page = (ROOT / "docs" / "rotations.md").read_text(encoding="utf-8")
    head = f"| {' | '.join(rotations.HEAD)} |"
    for path in HISTORIES:
        versions = len(rotations.read(path)[0])
        for grace in (0, 300):
            assert f"| {path.stem} | {versions} | {grace} s | 0 of " in page
    assert page.count(head) == 3

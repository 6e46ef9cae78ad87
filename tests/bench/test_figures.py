"""What the pages claim of speed is what was saved, and each saved hour is within the stated spread."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its modules can be imported, though it is not installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("bench", None)


@pytest.fixture
def claims(bench: None) -> ModuleType:
    return importlib.import_module("bench.claims")


@pytest.fixture
def figures(bench: None) -> ModuleType:
    return importlib.import_module("bench.figures")


def test_each_claim_has_its_command_and_was_measured(claims: ModuleType) -> None:
    """By a program of the suite, under a name of its own."""
    programs = importlib.import_module("bench.__main__").PROGRAMS
    names = [claim.what for claim in claims.CLAIMS]
    assert len(set(names)) == len(names)
    assert set(claims.PROGRAMS) <= set(programs)
    assert set(claims.medians(claims.saved())) == set(names)


def test_each_saved_hour_is_within_the_stated_spread(claims: ModuleType) -> None:
    """Of the median of them all."""
    runs = claims.saved()
    medians = claims.medians(runs)
    outside = [
        (claim.what, value)
        for claim in claims.CLAIMS
        for value in claims.values_of(runs, claim)
        if not claims.is_within(claim, value, medians[claim.what])
    ]
    assert outside == []


def test_each_page_says_the_median(claims: ModuleType, figures: ModuleType) -> None:
    """In the words of the claim, and in the table of all."""
    medians = claims.medians(claims.saved())
    for claim in claims.CLAIMS:
        for page in claim.said:
            assert claim.sentence(page, medians) in (ROOT / page).read_text(encoding="utf-8")
    assert figures.SPREAD.read_text(encoding="utf-8") == figures.spread()


def test_a_page_is_written_anew_where_a_median_has_changed(claims: ModuleType, figures: ModuleType) -> None:
    """And nothing else in it."""
    claim = next(claim for claim in claims.CLAIMS if "README.md" in claim.said)
    old, new = {claim.what: 4.0}, {claim.what: 4.25}
    page = f"4.0 is here\n{claim.sentence('README.md', old)}\n"
    restated = figures.restated(page, "README.md", old, new)
    assert restated == f"4.0 is here\n{claim.sentence('README.md', new)}\n" != page
    assert figures.restated(page, "docs/other.md", old, new) == page


@pytest.mark.parametrize(("value", "within"), [(1.09, True), (0.91, True), (1.11, False), (0.89, False)])
def test_another_hour_is_within_the_spread_or_outside(
    claims: ModuleType, figures: ModuleType, capsys: pytest.CaptureFixture[str], value: float, within: bool
) -> None:
    """Either way from the median. What was not measured is not outside."""
    claim = claims.Claim("a / b", "verify", lambda figures: 1.0, 0.1)
    assert figures.told(claim, {"a / b": value}, {"a / b": 1.0}) is within
    assert ("OUTSIDE" in capsys.readouterr().out) is not within
    assert figures.told(claim, {}, {"a / b": 1.0})


def test_what_a_machine_cannot_measure_is_left_out(figures: ModuleType, tmp_path: Path) -> None:
    """Such as instructions without valgrind; and what was not asked for."""
    for program, found in (("instructions", {}), ("verify", {"pyjwt_over_rightkey": 4.0}), ("size", {})):
        (tmp_path / f"{program}.json").write_text(json.dumps({"figures": found}))
    asked = ("instructions", "verify", "issuers")
    assert dict(figures.claimed(tmp_path, asked)) == {"PyJWT / rightkey, RS256": 4.0}
    assert dict(figures.claimed(tmp_path, ["size"])) == {}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="there is no valgrind")
def test_instructions_are_counted_by_callgrind(bench: None) -> None:
    """A remembered token takes fewer than the bare check, and PyJWT more than a whole verification."""
    counts = importlib.import_module("bench.instructions").counted("RS256", 20)
    assert counts["rightkey, remembered"] < counts["bare"] < counts["rightkey, client"]
    assert counts["rightkey, client"] < counts["PyJWT, client"]

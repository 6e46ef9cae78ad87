"""Two cards beside each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rightkey.drill import Row, Scorecard
from rightkey.drill.compare import compared, read, verdicts


def document(**verdicts: Any) -> dict[str, Any]:
    return Scorecard(
        "t",
        [Row(name, verdict, "", "advice" if name == "c" else "must") for name, verdict in verdicts.items()],
    ).document()


def test_changes_are_told_with_what_they_are() -> None:
    """Worse, better, or neither; a row that was not there before passed then."""
    before = document(a="passed", b="failed", c="passed", d="passed", gone="failed")
    after = document(a="failed", b="passed", c="failed", d="passed", new="failed")
    found = compared(before, after)
    assert [(one.name, one.before, one.after) for one in found.changes] == [
        ("a", "passed", "failed"),
        ("b", "failed", "passed"),
        ("c", "passed", "failed"),
        ("new", None, "failed"),
        ("gone", "failed", None),
    ]
    told = found.document()
    assert (told["worse"], told["better"]) == (["a", "c", "new"], ["b"])
    assert [one.name for one in found.worse()] == ["a", "new"]
    assert [one.name for one in found.worse(strict=True)] == ["a", "c", "new"]


def test_an_error_counts_if_strict() -> None:
    """Nothing was let in."""
    found = compared(document(a="passed"), document(a="error"))
    assert found.worse() == []
    assert [one.name for one in found.worse(strict=True)] == ["a"]


def test_what_is_not_tested_is_not_better() -> None:
    """It proves nothing."""
    assert compared(document(a="failed"), document(a="skipped")).document()["better"] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"rows": [1]}',
        '{"rows": [{"name": "a", "verdict": "good"}]}',
        '{"rows": [{"name": 1}]}',
    ],
)
def test_what_is_no_card_is_refused(text: str) -> None:
    """By its shape."""
    with pytest.raises(ValueError):
        read(text)


def test_a_card_that_was_written_is_read() -> None:
    """Its verdicts by name."""
    assert verdicts(read(json.dumps(document(a="passed", b="ended")))) == {"a": "passed", "b": "ended"}

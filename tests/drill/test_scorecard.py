"""A card: what counts against a service, by itself, strictly, and beside an earlier one."""

from __future__ import annotations

from rightkey.drill import Row, Scorecard

WELL = Row("a", "passed", "well")
FAILED = Row("b", "failed", "it was accepted (200)")
ADVICE = Row("c", "failed", "badly", "advice")
ERROR = Row("d", "error", "it was answered 500")
ENDED = Row("e", "ended", "the service ended with 3")
SKIPPED = Row("f", "skipped", "not <now>")


def test_only_what_a_standard_demands_counts() -> None:
    """Advice and refusals by an error do if it is strict."""
    rows = [WELL, FAILED, ADVICE, ERROR, ENDED, SKIPPED]
    assert [row.name for row in Scorecard("t", rows).failing] == ["b", "e"]
    assert [row.name for row in Scorecard("t", rows, strict=True).failing] == ["b", "c", "d", "e"]
    assert Scorecard("t", [WELL, ADVICE, ERROR, SKIPPED]).passed


def test_a_card_passes_where_something_was_tested_to_the_end() -> None:
    """What was not tested proves nothing; a drill that was stopped did not pass."""
    assert not Scorecard("t", [SKIPPED]).passed
    assert Scorecard("t", [WELL, SKIPPED]).passed
    assert not Scorecard("t", [WELL], stopped="interrupted by SIGTERM").passed


def test_beside_an_earlier_card_only_what_got_worse_counts() -> None:
    """A row that it does not have passed then; what got better is told."""
    known = {"a": "failed", "b": "failed", "e": "failed", "f": "failed"}
    card = Scorecard("t", [WELL, FAILED, ENDED, SKIPPED, Row("new", "failed", "badly")], baseline=known)
    assert [row.name for row in card.failing] == ["e", "new"]
    assert [row.name for row in card.better] == ["a"]
    assert Scorecard("t", [WELL, FAILED], baseline=known).passed


def test_the_document_has_each_count_by_kind() -> None:
    """And every field of a row."""
    document = Scorecard("http://t/", [WELL, FAILED, ADVICE, SKIPPED], 1.23456).document()
    assert (document["ok"], document["passed"], document["failed"], document["skipped"]) == (False, 1, 2, 1)
    assert document["must"] == {"passed": 1, "failed": 1, "error": 0, "ended": 0, "skipped": 1}
    assert document["advice"]["failed"] == 1
    assert (document["seconds"], document["failing"], document["stopped"]) == (1.235, ["b"], None)
    assert document["rows"][1] == {
        "name": "b",
        "verdict": "failed",
        "told": "it was accepted (200)",
        "kind": "must",
        "expected": "",
        "reference": "",
        "why": "",
        "remedy": "",
        "requests": 0,
        "wait": 0.0,
        "stopped": None,
        "seconds": 0.0,
    }

"""A card as JUnit's XML."""

from __future__ import annotations

from xml.etree import ElementTree

from rightkey.drill import Row, Scorecard
from rightkey.drill.junit import junit

ROWS = [
    Row("a", "passed", "well", seconds=1.5),
    Row(
        "b", "failed", "it was accepted (200)", "must", "refuse it", "RFC 7519, 4.1.4", "thieves", "check exp"
    ),
    Row("c", "failed", "badly", "advice", "go on"),
    Row("d", "ended", "ended with 3: \x1b[31mgone\x00"),
    Row("e", "skipped", "not <now>"),
]


def cases(card: Scorecard) -> dict[str, ElementTree.Element]:
    suite = ElementTree.fromstring(junit(card))
    assert suite.tag == "testsuite"
    return {case.get("name") or "": case for case in suite}


def test_each_case_has_its_time_its_expectation_and_its_reference() -> None:
    """Whether it failed or not."""
    found = cases(Scorecard("t", ROWS))
    assert found["a"].get("time") == "1.500"
    failure = found["b"].find("failure")
    assert failure is not None
    assert failure.get("message") == "it was accepted (200)"
    assert failure.text == "expected: refuse it\nreference: RFC 7519, 4.1.4\nwhy: thieves\ndo: check exp"
    assert "expected: go on" in (found["c"].findtext("system-out") or "")


def test_a_failure_is_what_counts() -> None:
    """Advice is shown as skipped, so that a server is as green as the exit code; strictly it fails."""
    suite = ElementTree.fromstring(junit(Scorecard("t", ROWS)))
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": "5", "failures": "2", "skipped": "2", "errors": "0"}
    skipped = cases(Scorecard("t", ROWS))["c"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "advice, failed: badly"
    assert ElementTree.fromstring(junit(Scorecard("t", ROWS, strict=True))).get("failures") == "3"


def test_last_words_cannot_break_it() -> None:
    """Control characters cannot be in XML."""
    failure = cases(Scorecard("t", ROWS))["d"].find("failure")
    assert failure is not None
    assert failure.get("message") == "the service ended: ended with 3: \ufffd[31mgone\ufffd"


def test_a_drill_that_was_stopped_is_an_error() -> None:
    """Of its own, beside the rows."""
    suite = ElementTree.fromstring(junit(Scorecard("t", ROWS[:1], stopped="interrupted by SIGTERM")))
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("2", "1", "0")

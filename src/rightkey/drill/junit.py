"""A card as JUnit's XML, which most CI servers collect."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rightkey.drill.row import SHOWN, Row
from rightkey.drill.scorecard import Scorecard

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2): a service's last words may have any of it."""


def junit(card: Scorecard) -> bytes:
    """One suite, with a case for each row.

    Only what counts against the service is a failure. What failed beside that, advice as a rule, is shown
    as skipped, so that a CI server is as green as the exit code.
    """
    failing = {row.name for row in card.failing}
    suite = ElementTree.Element("testsuite", name="rightkey drill", time=f"{card.seconds:.3f}")
    for row in card.rows:
        _case(suite, row, failed=row.name in failing)
    if card.stopped is not None:
        case = ElementTree.SubElement(suite, "testcase", classname="drill", name="the drill itself", time="0")
        ElementTree.SubElement(case, "error", message=_printable(card.stopped))
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    for name, element in (("failures", "failure"), ("skipped", "skipped"), ("errors", "error")):
        suite.set(name, str(sum(case.find(element) is not None for case in cases)))
    written: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written


def _case(suite: ElementTree.Element, row: Row, *, failed: bool) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"drill.{row.kind}", name=row.name, time=f"{row.seconds:.3f}"
    )
    if failed:
        message = row.told if row.verdict == "failed" else f"{SHOWN[row.verdict]}: {row.told}"
        ElementTree.SubElement(case, "failure", message=_printable(message)).text = _printable(explained(row))
    elif row.verdict != "passed":
        message = f"{row.kind}, {SHOWN[row.verdict]}: {row.told}"
        ElementTree.SubElement(case, "skipped", message=_printable(message))
    ElementTree.SubElement(case, "system-out").text = _printable(f"{row.told}\n{explained(row)}")


def explained(row: Row) -> str:
    """What was expected, who says so, why, and what to do: a line each."""
    lines = ("expected", row.expected), ("reference", row.reference), ("why", row.why), ("do", row.remedy)
    return "\n".join(f"{name}: {text}" for name, text in lines if text)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)

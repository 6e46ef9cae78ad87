"""A card as a badge."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rightkey.drill import Row, Scorecard
from rightkey.drill.badge import badge

WELL, FAILED, ADVICE = Row("a", "passed", ""), Row("b", "failed", ""), Row("c", "failed", "", "advice")


@pytest.mark.parametrize(
    ("card", "said", "colour"),
    [
        (Scorecard("t", [WELL, ADVICE]), "1 of 1", "#2e7d32"),
        (Scorecard("t", [WELL, ADVICE], strict=True), "1 of 2", "#c62828"),
        (Scorecard("t", [WELL, FAILED]), "1 of 2", "#c62828"),
        (Scorecard("t", []), "0 of 0", "#616161"),
        (Scorecard("t", [WELL], stopped="interrupted"), "not finished", "#616161"),
    ],
)
def test_a_badge_says_what_passed_of_what_was_tested(card: Scorecard, said: str, colour: str) -> None:
    """In well-formed SVG, and in its colour."""
    svg = ElementTree.fromstring(badge(card))
    assert svg.get("aria-label") == f"rightkey drill: {said}"
    assert colour in badge(card)

"""A card as a badge: one line of SVG for a README."""

from __future__ import annotations

from rightkey.drill.scorecard import Scorecard

_LETTER, _MARGIN, _HEIGHT = 6.6, 10, 20  # pixels; a mean width for Verdana at 11 pixels
_GREEN, _RED, _GREY = "#2e7d32", "#c62828", "#616161"


def badge(card: Scorecard) -> str:
    """What passed of what was tested, by `must`, and by advice too where the card is strict."""
    rows = [row for row in card.rows if row.verdict != "skipped" and (card.strict or row.kind == "must")]
    passed = sum(not row.fails(strict=card.strict) for row in rows)
    said = f"{passed} of {len(rows)}" if card.stopped is None else "not finished"
    colour = _GREY if card.stopped is not None or not rows else _GREEN if card.passed else _RED
    return _svg("rightkey drill", said, colour)


def _svg(label: str, said: str, colour: str) -> str:
    left, right = (round(len(text) * _LETTER) + _MARGIN for text in (label, said))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" '
        f'aria-label="{label}: {said}"><title>{label}: {said}</title>'
        f'<rect width="{left}" height="{_HEIGHT}" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{label}</text><text x="{left + right / 2:g}" y="14">{said}</text>'
        "</g></svg>\n"
    )

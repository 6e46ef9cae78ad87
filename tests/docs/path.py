"""Draws docs/path.svg, the path of a token: python tests/docs/path.py > docs/path.svg"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One step: its name, what is asked at it, and the answer to the request where it is refused."""

    step: str
    question: str
    refused: str


ROWS = (
    Row("token", "three parts, read strictly?", "401"),
    Row("algorithm", "one that you allow?", "401"),
    Row("claims", "your issuer, your audience, in time, the right kind?", "401"),
    Row("metadata", "of this very issuer, and where are its keys?", "503"),
    Row("keys", "which sign, which are skipped, and why?", "503"),
    Row("key", "which fits, by kid, algorithm and type?", "401"),
    Row("signature", "made by that key?", "401"),
    Row("certificate", "if there is one: for that very key?", "401"),
    Row("requirements", "are the scopes and roles granted?", "403"),
)
WIDTH, HEIGHT, TOP = 760, 38, 70
RETRIED = ("keys", "key")
"""Where the one retry leads to, and where it starts."""

STYLE = """
  svg { --ink: #1f2328; --soft: #59636e; --line: #8c959f; --card: #ffffff; --edge: #d1d9e0 }
  svg { --good: #1a7f37; --bad: #b35900 }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #f0f6fc; --soft: #9198a1; --line: #656c76; --card: #0d1117; --edge: #3d444d }
    svg { --good: #3fb950; --bad: #e3a04f }
  }
  text { font: 15px system-ui, sans-serif; fill: var(--ink) }
  .step { font-weight: 600 } .soft { fill: var(--soft) } .bad { fill: var(--bad) }
  .good { fill: var(--good); font-weight: 600 }
  .card { fill: var(--card); stroke: var(--edge) } .line { stroke: var(--line); fill: none }
  .dot { fill: var(--card); stroke: var(--line); stroke-width: 2 } .end { fill: var(--good) }
"""


def picture() -> str:
    """The drawing: a line of steps, each with its question, and the one retry beside it."""
    end = TOP + HEIGHT * len(ROWS)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end + 32}" role="img" '
            'aria-label="The path of a token, step by step, from three parts to Verified">',
            f"<style>{STYLE}</style>",
            f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{end + 30}" rx="10"/>',
            f'<path class="line" d="M32 {TOP}V{end}"/>',
            text(52, TOP - 34, "soft", "rightkey.Verifier(issuer, audience=...).verify(token)"),
            text(WIDTH - 24, TOP - 34, "soft", "if not", anchor="end"),
            *[part for number, row in enumerate(ROWS) for part in drawn(row, TOP + HEIGHT * number)],
            *retry(),
            f'<circle class="end" cx="32" cy="{end}" r="7"/>',
            text(52, end, "good", "Verified"),
            "</svg>\n",
        ]
    )


def drawn(row: Row, y: int) -> list[str]:
    """One step."""
    return [
        f'<circle class="dot" cx="32" cy="{y + 6}" r="6"/>',
        text(52, y + 6, "step", row.step),
        text(184, y + 6, "soft", row.question),
        text(WIDTH - 24, y + 6, "bad", row.refused, anchor="end"),
    ]


def retry() -> list[str]:
    """The arrow from where no key fits back to the keys."""
    to, start = (TOP + HEIGHT * [row.step for row in ROWS].index(step) + 6 for step in RETRIED)
    x = 505
    return [
        f'<path class="line" d="M{x} {start}h14q8 0 8 -8V{to + 8}q0 -8 -8 -8h-14m6 -5l-6 5l6 5"/>',
        text(x + 30, (start + to) // 2, "soft", "one more time"),
    ]


def text(x: int, y: int, kind: str, words: str, anchor: str = "start") -> str:
    """Words on a line whose middle is at y."""
    return f'<text x="{x}" y="{y + 5}" class="{kind}" text-anchor="{anchor}">{words}</text>'


if __name__ == "__main__":
    print(picture(), end="")

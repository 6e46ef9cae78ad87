"""Makes docs/limits.md from the constants of the sources: python tests/docs/limits.py > docs/limits.md"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "rightkey"
WINGS = (
    "jose",
    "issuer",
    "policy",
    "verdict",
    "proof",
    "freshness",
    "introspection",
    "transport",
    "stores",
    "sources",
    "telemetry",
    "verifier",
    "gateway",
)
INTRODUCTION = """# Limits

Every built-in bound. These constants cannot be set; the bounds that can are in [freshness](freshness.md) and
[transport](transport.md). Times are in seconds and sizes in bytes, unless the row says otherwise.
`python tests/docs/limits.py` makes this page from the sources.

| limit | what it bounds | where |
| --- | --- | --- |
"""


class Limit(NamedTuple):
    """One constant, with the sentence that stands below it."""

    name: str
    value: float | tuple[float, ...]
    meaning: str
    module: str


def limits() -> Iterator[Limit]:
    """All public constants that are numbers, in the order in which the house is read."""
    paths = [PACKAGE / f"{flat}.py" for flat in ("errors", "requirements")]
    paths += [path for wing in WINGS for path in sorted((PACKAGE / wing).glob("*.py"))]
    for path in paths:
        yield from _of(path)


def page() -> str:
    """The page."""
    rows = (f"| {_shown(one.value)} | {one.meaning} | `{one.name}` in `{one.module}` |" for one in limits())
    return INTRODUCTION + "\n".join(rows) + "\n"


def _of(path: Path) -> Iterator[Limit]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, _number(node.value)
            if name.isupper() and not name.startswith("_") and value is not None:
                meaning = " ".join(_sentence(below).split()) or f"NO SENTENCE BELOW {name}"
                yield Limit(name, value, meaning.replace("|", "\\|"), path.relative_to(PACKAGE).as_posix())


def _number(node: ast.expr) -> float | tuple[float, ...] | None:
    if isinstance(node, ast.BinOp | ast.Constant):
        try:
            value = eval(compile(ast.Expression(node), "limit", "eval"), {"__builtins__": {}})
        except (NameError, TypeError):
            return None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    parts = [_number(one) for one in node.elts] if isinstance(node, ast.Tuple) else []
    numbers = tuple(one for one in parts if isinstance(one, int | float))
    return numbers if parts and len(numbers) == len(parts) else None


def _sentence(node: ast.stmt | None) -> str:
    literal = node.value if isinstance(node, ast.Expr) else None
    return literal.value if isinstance(literal, ast.Constant) and isinstance(literal.value, str) else ""


def _shown(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    print(page(), end="")

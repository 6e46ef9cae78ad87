"""How the local issuer is built: each file stands on others, and on none that stands on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import rightkey.localissuer

ROOT = Path(rightkey.localissuer.__file__).parent
FILES = {
    ".".join(("rightkey.localissuer", *path.relative_to(ROOT).with_suffix("").parts)): path
    for path in ROOT.rglob("*.py")
    if path.name != "__init__.py"
}


def imported(path: Path) -> Iterator[str]:
    """What a file imports, for types or when it runs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_import_makes_a_circle() -> None:
    """Not for types either. Taking away what imports nothing that is left, nothing remains."""
    needs = {name: set(imported(path)) & FILES.keys() for name, path in FILES.items()}
    assert any(needs.values())
    while free := {name for name in needs if not needs[name] & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    assert needs == {}


def test_folders_have_no_rules() -> None:
    """A folder's `__init__` is one docstring."""
    for path in ROOT.glob("*/__init__.py"):
        (only,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(only, ast.Expr)

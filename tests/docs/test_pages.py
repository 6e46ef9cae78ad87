"""Pages for readers in a hurry: each code has a section, each step of the seed its code, and commands run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rightkey import errors
from rightkey.cli.errors import page_of
from rightkey.localissuer import LocalIssuer

ROOT = Path(__file__).parents[2]
STAND_IN = "tenant.eu.auth0.com"


def read(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def test_every_error_code_has_a_section() -> None:
    """Named as the code is, so that `troubleshooting#CODE` leads to it."""
    page = read("troubleshooting").partition("## By error code")[2]
    assert sorted(re.findall(r"^### `(\w+)`$", page, re.MULTILINE)) == sorted(errors.CODES)


@pytest.mark.parametrize("code", errors.CODES)
def test_a_message_names_the_section_of_its_code(code: str) -> None:
    """A page that is there, and a heading on it."""
    page, _, anchor = (page_of(code) or "").partition("#")
    assert f"\n### `{anchor}`\n" in (ROOT / page).read_text(encoding="utf-8")


def test_a_defect_has_no_section() -> None:
    """It is to be reported."""
    assert page_of("defect") is None


@pytest.mark.parametrize(
    ("file", "definition"), re.findall(r"\| `([\w/]+\.py)` \| `([\w.]+)` \|$", read("seed"), re.MULTILINE)
)
def test_each_step_of_the_seed_is_where_the_page_says(file: str, definition: str) -> None:
    """A file, and a definition in it."""
    tree: ast.AST = ast.parse((ROOT / "src" / "rightkey" / file).read_text(encoding="utf-8"))
    for name in definition.split("."):
        inside = [one for one in ast.iter_child_nodes(tree) if getattr(one, "name", None) == name]
        assert inside, definition
        tree = inside[0]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["kubernetes", "network", "runbook", "seed", "troubleshooting"])
def test_commands_run(page: str, tmp_path: Path) -> None:
    """Against an issuer here that stands in, with a good token; none is a wrong command, or finds a fault."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", read(page), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines
    with LocalIssuer() as issuer:
        (tmp_path / "token").write_text(issuer.token(sub="alice"), encoding="utf-8")
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", line.replace(STAND_IN, issuer.url)],
                cwd=tmp_path,
                env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, (line, done.stdout, done.stderr)

"""docs/start.md: a reader who saves its files and types its commands sees what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "start.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
READERS = {
    "FastAPI": SECTIONS["Protect a FastAPI service"] + SECTIONS["Break the issuer"],
    **{name: text for name, text in SECTIONS.items() if name.startswith("The same ")},
}
FILES = ("python", "js", "nginx")
"""What is saved, under the name that its first line says."""
PORTS = ("8000", "8080", "9090", "9091")
GATEWAY = {"LISTEN": "9090", "PLAIN": "9091"}
RETRY = "--retry 9"
"""A service that a reader starts is there within nine seconds; here it may have to wait for the machine."""
SNIPPET = "rightkey gateway snippet nginx"
STOP = "trap 'kill $(jobs -p) $ISSUER_PID 2>/dev/null' EXIT\n"


def typed(text: str, folder: Path) -> tuple[str, str]:
    """What is typed, once the files are saved, and what should then be shown.

    The packages are there already. Nothing else is added: a reader has no more than the section says.
    """
    commands, shown = STOP, ""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        if language in FILES:
            (folder / block.split()[1]).write_text(block, encoding="utf-8")
        elif language == "text":
            shown += block
        elif not block.startswith("pip install "):
            commands += block
    return commands, shown


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands use curl")
@pytest.mark.parametrize("reader", READERS)
def test_what_is_typed_shows_what_is_shown(
    reader: str, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    """In a shell of its own, with ports that are free in the page's place, and more patience."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    for program in {"nginx", "node"} & {*READERS[reader].split()}:
        if shutil.which(program, path=path) is None:
            pytest.skip(f"there is no {program} on this machine")
    ports = {port: str(free_ports()) for port in PORTS}
    here = "; ".join(f"s/{port}/{free}/" for port, free in ports.items())
    text = re.sub("|".join(PORTS), lambda port: ports[port[0]], READERS[reader])
    text = text.replace(RETRY, "--retry 90")
    commands, shown = typed(text.replace(SNIPPET, f"{SNIPPET} | sed '{here}'"), tmp_path)
    listen = {f"RIGHTKEY_GATEWAY_{name}": f"127.0.0.1:{ports[port]}" for name, port in GATEWAY.items()}
    done = subprocess.run(
        ["timeout", "300", "bash", "-c", commands],
        cwd=tmp_path,
        env=os.environ | listen | {"PATH": path},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert lines(done.stdout) == lines(shown), done.stderr


def lines(text: str) -> list[str]:
    """But for empty ones: some servers end their answers with a line end, and curl with another."""
    return [line for line in text.splitlines() if line]


def test_every_variant_is_tried() -> None:
    """So that the test above does not pass for want of sections; each shows an answer."""
    assert len(READERS) == 6
    assert sum(text.count(f"curl -s {RETRY} ") for text in READERS.values()) == 5
    assert all("```text" in text for text in READERS.values())

"""Runs commands, and draws what they print: python tests/docs/terminal.py

It writes a picture of each session to docs. A reader's browser is asked for its own fonts only.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from rightkey.localissuer import LocalIssuer

DOCS = Path(__file__).parents[2] / "docs"
STAND_IN = "tenant.eu.auth0.com"
COLUMNS = 108
AUDIENCE = "https://api.example.com"
VERIFY = f"rightkey verify --issuer {STAND_IN} --audience"


class Session(NamedTuple):
    """A command, with a token on its stdin where it ends in `< token`."""

    command: str
    alt: str


SESSIONS = {
    "demo": Session(
        "rightkey demo",
        "rightkey demo: eight scenes, each with what the issuer does and how tokens are answered",
    ),
    "explain": Session(
        f"{VERIFY} {AUDIENCE} --explain < token",
        "rightkey verify --explain: each step of the path with a mark, and what the token says",
    ),
    "refused": Session(
        f"{VERIFY} https://other.example.com --explain < token",
        "rightkey verify --explain for a token of another audience: the step that failed, and a hint",
    ),
}


def printed(session: Session) -> str:
    """What a session prints on a terminal in colour, the issuer called by the name that it stands in for."""
    _, *words = shlex.split(session.command.partition(" <")[0])
    with LocalIssuer() as issuer:
        done = subprocess.run(
            [sys.executable, "-m", "rightkey", *(issuer.url if word == STAND_IN else word for word in words)],
            input=issuer.token(sub="auth0|alice", scope="read:appointments", aud=AUDIENCE),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    if STAND_IN not in words:
        return done.stdout
    return done.stdout.replace(issuer.url, f"https://{STAND_IN}/").replace("127.0.0.1", STAND_IN)


def picture(name: str) -> str:
    """A session as SVG, by rich."""
    session = SESSIONS[name]
    shown = Text.from_ansi(f"\x1b[1m$ {session.command}\x1b[0m\n{printed(session)}")
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(shown)
        svg = console.export_svg(title="", theme=SVG_EXPORT_THEME, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", "font-family: ui-monospace, monospace")
    label = f'role="img" aria-label="{session.alt}"'
    return svg.replace('<svg class="rich-terminal"', f'<svg class="rich-terminal" {label}', 1)


if __name__ == "__main__":
    for name in SESSIONS:
        (DOCS / f"{name}.svg").write_text(picture(name), encoding="utf-8")

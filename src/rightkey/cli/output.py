"""Where output goes: data to stdout, words to stderr, and nothing that could drive a terminal.

What a token or an issuer says is untrusted text. `plain` makes it harmless, and all text for people passes
through it. JSON is written in ASCII, which needs no more.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

GONE = 141
"""What a shell shows for a program whose reader has gone: 128 + SIGPIPE. It must not be 1, `rejected`."""

_COLOURS = {"error": "31;1", "hint": "36", "note": "33", "unverified": "33;1"}


def data(document: Any) -> None:
    """Print one JSON document."""
    write(sys.stdout, json.dumps(document, indent=2) + "\n")


def words(kind: str, text: str, *more: str) -> None:
    """Say one thing on stderr: an `error`, its `hint`, a `note`; more lines follow below it."""
    label = f"{kind}:"
    if styled(sys.stderr):
        label = f"\x1b[{_COLOURS[kind]}m{label}\x1b[0m"
    lines = [f"{label} {plain(text)}", *map(plain, more)]
    write(sys.stderr, "\n".join(lines) + "\n")


def plain(text: str) -> str:
    """The text with escapes for what does not print: control characters, turns of direction, surrogates."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def styled(stream: TextIO) -> bool:
    """Whether to use colour: NO_COLOR says no, FORCE_COLOR yes, else it is a terminal that can.

    NO_COLOR counts first (no-color.org); FORCE_COLOR=0 is not force (force-color.org).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write(stream: TextIO, text: str) -> None:
    """Write, with escapes for characters that the stream's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    try:
        if stream is sys.stderr:
            sys.stdout.flush()  # on a terminal both are one, and read in the order written
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    except BrokenPipeError:
        raise SystemExit(_gone()) from None


def finished(code: int) -> int:
    """Flush both streams, and return the exit code."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        return _gone()
    return code


def _gone() -> int:
    """The reader has gone: keep the interpreter from failing once more when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return GONE

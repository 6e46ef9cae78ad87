"""Where output goes: data to stdout, words to stderr, and nothing that could drive a terminal.

What a token or an issuer says is untrusted text. `plain` makes it harmless, and all text for people passes
through it. JSON is written in ASCII, which needs no more.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

GONE = 141
"""What a shell shows for a program whose reader has gone: 128 + SIGPIPE. It must not be 1, `rejected`."""

UNWRITTEN = 2
"""As for any local file that cannot be used."""
FULL = frozenset((errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What the system says of output that cannot be written."""

_COLOURS = {"error": "31;1", "hint": "36", "note": "33", "see": "2", "unverified": "33;1"}


def data(document: Any) -> None:
    """Print one JSON document."""
    write(sys.stdout, json.dumps(document, indent=2) + "\n")


def words(kind: str, text: str, *more: str) -> None:
    """Say one thing on stderr: an `error`, its `hint`, where to `see` more, a `note`; more lines follow."""
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
    except OSError as error:
        raise SystemExit(unwritten(error)) from None


def finished(code: int) -> int:
    """Flush both streams, and return the exit code."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        return unwritten(error)
    return code


def unwritten(error: OSError) -> int:
    """The exit code where the reader has gone, or a disk is full, which is told. Keeps the interpreter from
    failing once more when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    with suppress(OSError):  # it may be stderr that cannot be written
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"error: the output cannot be written: {(error.strerror or '').lower()}\n")
            sys.stderr.flush()
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)
    return GONE if isinstance(error, BrokenPipeError) else UNWRITTEN

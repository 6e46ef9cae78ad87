"""Where the token on the command line comes from: the argument, or stdin, which `ps` does not show."""

from __future__ import annotations

import sys

from rightkey.cli.output import words
from rightkey.jose.jws import MAX_TOKEN

_MOST = 2 * MAX_TOKEN
"""Bytes read of stdin: more is no token, however much there is of it."""


def read(given: str | None) -> str | bytes:
    """The token as it was given, without white space around it, and without the `Bearer ` of a header."""
    if given is not None and given != "-":
        text = given.strip()
        return text[7:].lstrip() if text[:7].lower() == "bearer " else text
    if sys.stdin.isatty():
        words("note", "reading the token from stdin")
    octets = sys.stdin.buffer.read(_MOST).strip()
    return octets[7:].lstrip() if octets[:7].lower() == b"bearer " else octets

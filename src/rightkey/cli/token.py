"""Where the token on the command line comes from, and what people paste along with it.

The argument, or stdin, which `ps` does not show. White space (also inside: mail and chat fold lines), quotes,
`Bearer ` and the name of the header are left out. A library that judges requests must not be so lenient.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rightkey.cli.output import words
from rightkey.jose.jws import MAX_TOKEN

_MOST = 2 * MAX_TOKEN
"""Bytes read of stdin. Anything longer is not a token."""
_HEADER = re.compile(r"(?:(?:proxy-)?authorization\s*:\s*)?(?:bearer\s+)?", re.IGNORECASE)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))
_PEM = "-----BEGIN "
_COMPACT = re.compile(r"[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_=-]*){2,4}")


def read(given: str | None) -> str | bytes:
    """The token as it was given, without what is pasted along with it."""
    if given is not None and given != "-":
        return cleaned(given)
    if sys.stdin.isatty():
        words("note", "reading the token from stdin")
    octets = sys.stdin.buffer.read(_MOST)
    try:
        return cleaned(octets.decode())
    except UnicodeDecodeError:
        return octets.strip()


def hint(raw: str | bytes, given: str | None) -> str | None:
    """What to do where the command line has a way out of its own; None where the library's hint says all."""
    if given and len(given) < 200 and "\0" not in given and Path(given).is_file():
        return f"{given} is a file: rightkey ... < {given}"
    is_pem = raw.startswith(_PEM) if isinstance(raw, str) else raw.startswith(_PEM.encode())
    return "keys are given with --jwks" if is_pem else None


def cleaned(text: str) -> str:
    """The token in this text, or the text, less the white space around it, where there is none."""
    text = text.translate(_INVISIBLE).strip()
    bare = text.removeprefix("b'").strip(_QUOTES).strip()
    bare = bare[_HEADER.match(bare).end() :].strip(_QUOTES)  # type: ignore[union-attr]  # it matches nothing too
    joined = "".join(bare.split())
    return joined if _COMPACT.fullmatch(joined) else bare

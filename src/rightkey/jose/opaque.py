"""Whether a text is an opaque token, or is to be read as a JWT: decided by its form alone, and never both.

A text of three parts is a JWT, whatever is in them. One that was refused as a JWT is not sent to its issuer
afterwards: that would let the issuer's algorithms count in place of those allowed here.
"""

from __future__ import annotations

import re
from typing import Any

MAX_OPAQUE = 4096
"""Octets of an opaque token."""
_LETTERS = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_EMPTY = frozenset(("undefined", "null", "none", "nil", "nan", "true", "false"))
"""The text of an empty value: the program that sends it has no token."""


def is_opaque(raw: Any) -> bool:
    """Whether a text has the letters of a bearer token (`b64token`, RFC 6750, section 2.1), 4 KiB at most,
    and another number of parts than three."""
    if not isinstance(raw, str | bytes) or len(raw) > MAX_OPAQUE:  # another type is a TypeError of `read`
        return False
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    return text.count(".") != 2 and _LETTERS.fullmatch(text) is not None and text.lower() not in _EMPTY

"""Whether a text is an opaque token, or is to be read as a JWT: decided by its form alone, and never both.

Three parts of which the first may be a JOSE header are a JWT, however badly they are spelled. One that was
refused as a JWT is not sent to its issuer afterwards: that would let the issuer's algorithms count in place
of those allowed here. Others of three parts are opaque: RFC 7662's own example is `mF_9.B5f-4.1JqM`.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

MAX_OPAQUE = 4096
"""Octets of an opaque token."""
_LETTERS = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_EMPTY = frozenset(("undefined", "null", "none", "nil", "nan", "true", "false"))
"""The text of an empty value: the program that sends it has no token."""
_BEFORE = b" \t\r\n\v\f\0\xef\xbb\xbf\xfe\xff"
"""What a lenient reader may pass over before a JSON object: white space, and marks of byte order."""


def is_opaque(raw: Any) -> bool:
    """Whether a text has the characters of a bearer token (`b64token`, RFC 6750, section 2.1), 4 KiB at most,
    and is no JWT."""
    if not isinstance(raw, str | bytes) or len(raw) > MAX_OPAQUE:  # another type is a TypeError of `read`
        return False
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    if _LETTERS.fullmatch(text) is None or text.lower() in _EMPTY:
        return False
    first, *others = text.split(".")
    return len(others) != 2 or not _may_be_a_header(first)


def _may_be_a_header(segment: str) -> bool:
    """Whether anyone could read it as a JSON object, in either alphabet, and past characters of neither: what
    the issuer may read as a JWT must be one here."""
    letters = segment.replace("~", "").rstrip("=").replace("-", "+").replace("_", "/")
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    octets = binascii.a2b_base64(whole + "=" * (-len(whole) % 4))
    return octets.lstrip(_BEFORE).startswith(b"{")

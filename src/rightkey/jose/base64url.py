"""base64url as RFC 7515 has it: canonical for tokens, forgiving for published documents.

Octets have exactly one spelling here. (An ECDSA signature has a second value, n - s for s, which verifies
too: that is the algorithm's, RFC 7518, section 3.4.) A token that can be respelled without breaking its
signature can slip past anything that recognises tokens by their text, so padding, line breaks, characters
of no alphabet and stray bits behind the last octet are refused (RFC 7515, section 2; RFC 4648, sections 3.5
and 12).
"""

from __future__ import annotations

import binascii

import pybase64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_PLUS, _SLASH = b"+/"  # of the other alphabet, which the decoder would take too
_PADDING = (b"", b"", b"==", b"=")
# By the length of the last group, the characters it may end with: those whose left-over bits are zero.
_LAST_LETTERS = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    b"",
    b"AQgw",
    b"AEIMQUYcgkosw048",
)


def encode(data: bytes) -> str:
    """Spell octets without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def decode(segment: bytes) -> bytes:
    """Read the one canonical spelling. Raises ValueError for any other."""
    if not segment:
        return b""
    rest = len(segment) & 3
    if segment[-1] not in _LAST_LETTERS[rest] or _PLUS in segment or _SLASH in segment:
        raise ValueError("not canonical base64url")
    return pybase64.b64decode(segment + _PADDING[rest], b"-_", True)


def decode_padded(segment: bytes) -> bytes:
    """Read the one spelling with padding, which AWS's load balancers use. Raises ValueError for any other."""
    bare = segment.rstrip(b"=")
    if len(segment) != len(bare) + -len(bare) % 4:
        raise ValueError("not canonical base64url with padding")
    return decode(bare)


def decode_published(text: str) -> bytes:
    """Read what issuers really publish: either alphabet, with or without padding or white space.

    Seen in the wild: Java's padded encoder, standard base64 in `n`, line breaks inside `x5c`. Raises
    ValueError where it has a character that neither alphabet has.
    """
    letters = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/").encode("ascii")
    if len(letters) % 4 == 1:
        raise ValueError("not base64: one letter too many or too few")
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4), strict_mode=True)

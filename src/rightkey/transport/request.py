"""How a request is written: HTTP/1.1 (RFC 9112, section 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def written(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A request up to its body.

    Args:
        method: such as `GET`.
        target: what an `Address` calls so, or a host and port.
        headers: the header fields.

    Raises:
        ValueError: a header field holds what would end it, or begin another; it is not quoted.
    """
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError("a header field has characters that it cannot have")
    lines = (f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")

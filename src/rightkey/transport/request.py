"""How a request is written: HTTP/1.1 (RFC 9112, section 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rightkey.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def require_user_agent(name: object) -> None:
    """What a transport calls itself: a text that a request can carry, or None for the default.

    Raises:
        Misconfigured: it is something else, and every request would fail; it is not quoted.
    """
    if name is not None and not (isinstance(name, str) and _VALUE.fullmatch(name)):
        raise Misconfigured("user_agent must be a text that a header can carry", hint="such as clinic/2.1")


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

"""What octets on a socket are a request (RFC 9112, section 3)."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING

from rightkey.localissuer.answers import Request

if TYPE_CHECKING:
    import socket

_BODY = 64 * 1024  # bytes of a request's body that are read
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class BadRequest(ValueError):
    """A request that must be answered with 400."""


def read_request(connection: socket.socket) -> Request | None:
    """Read one request, or None where the octets are not one.

    A target in absolute form says what the request is for, and Host counts no more (RFC 9112, section 3.2.2):
    it becomes a path and its Host header.

    Raises:
        BadRequest: there are several Host headers (RFC 9112, section 3.2).
    """
    with connection.makefile("rb") as reader:
        words = reader.readline(_BODY).decode("latin-1").split()
        if len(words) != 3:
            return None
        try:
            parsed = http.client.parse_headers(reader)
            size = int(parsed.get("content-length", "0"))
        except (http.client.HTTPException, ValueError):
            return None
        method, target, _ = words
        if len(parsed.get_all("host", [])) > 1:
            raise BadRequest("a request must have one Host header")
        # without Host it is for no name of ours: documents are served to such clients, and nothing else
        headers = {"host": ""} | {name.lower(): value.strip() for name, value in parsed.items()}
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is not None:
            headers["host"], rest = absolute.groups()
            target = rest if rest.startswith("/") else f"/{rest}"
        return Request(method, target, headers, reader.read(min(max(size, 0), _BODY)))

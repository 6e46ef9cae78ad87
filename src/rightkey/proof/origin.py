"""The URL of a request, as its client wrote it: under a configured origin, in the one spelling of RFC 3986.

A request does not tell by which name its client knows the API: what it says of that (`Host`, `Forwarded`,
`X-Forwarded-*`) anyone can write, and a proof for another API would pass. So the origin is a setting; only
the path is the request's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from rightkey.errors import Misconfigured, quoted

_PATH = r"""/[!"$->@-~]*"""  # what is visible in ASCII, up to a query or fragment
_URL = re.compile(
    rf"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{{0,5}}))?({_PATH})?(?:[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_ABOVE = re.compile(rf"({_PATH})(?:[?#].*)?", re.DOTALL)  # a request's path alone, without its origin
_PORTS = {"http": "80", "https": "443"}
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def origins(given: Any) -> tuple[str, ...]:
    """`origin=` as it is compared: scheme, host, port and the path below which the API is, if there is one.

    Raises:
        Misconfigured: a URL that is none, or has a query or a fragment.
    """
    if given is None:
        return ()
    several = isinstance(given, Collection) and not isinstance(given, str) and len(given) > 0
    return tuple(_origin(name) for name in (given if several else (given,)))


def _origin(name: Any) -> str:
    url = normal(name) if isinstance(name, str) and "?" not in name and "#" not in name else None
    if url is None:
        raise Misconfigured(
            f"origin {quoted(name)} must be the URL by which clients know this API",
            hint="such as https://api.example.com, without a query",
        )
    return url.rstrip("/")


def is_for(htu: str, known: Collection[str], url: str) -> bool:
    """Whether a proof with this `htu` is for this request: both are compared in their one spelling.

    Args:
        htu: as the proof has it.
        known: the origins; where there is none, the request's own counts.
        url: the request's, or only its path. A path that goes upwards (`/a/../b`) is not resolved: no proof
            can be for it, since an application may take it for another than its client.
    """
    path = url.partition("?")[0]
    plain = path[:1] == "/" and path.isascii() and path.isprintable() and " " not in path
    if plain and "%" not in path and "/." not in path:  # in its one spelling, as nearly always
        for origin in known:
            if htu == origin + path:
                return True
    return normal(htu) in urls(known, url)


def urls(known: Collection[str], url: str) -> tuple[str, ...]:
    """The URLs, in their one spelling, that a proof for this request may name; none where it has no URL."""
    parts = _ABOVE.fullmatch(url) or _URL.fullmatch(url)
    if parts is None:
        return ()
    path = _spelled(parts[parts.re.groups] or "/")
    if known:
        return tuple(origin + path for origin in known)
    return () if parts.re is _ABOVE else (_authority(parts) + path,)


def normal(url: str) -> str | None:
    """A URL without query and fragment, in its one spelling (RFC 3986, sections 6.2.2 and 6.2.3); None if it
    is no URL of http."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return None
    return _authority(parts) + _resolved(_spelled(parts[4] or "/"))


def _authority(parts: re.Match[str]) -> str:
    scheme, host, port = parts[1].lower(), parts[2].lower(), (parts[3] or "").lstrip("0")
    return f"{scheme}://{host}" if port in ("", _PORTS[scheme]) else f"{scheme}://{host}:{port}"


def _spelled(path: str) -> str:
    """With each octet that need not be encoded as it is, and the others in capitals (section 6.2.2)."""
    return re.sub("%[0-9A-Fa-f]{2}", _octet, path) if "%" in path else path


def _octet(encoded: re.Match[str]) -> str:
    letter = chr(int(encoded[0][1:], 16))
    return letter if letter in _UNRESERVED else encoded[0].upper()


def _resolved(path: str) -> str:
    """Without the segments `.` and `..` (section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join([*kept, ""] if segments[-1] in (".", "..") else kept)

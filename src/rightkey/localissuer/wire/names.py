"""By which names an issuer is called: host and port of its identifier, and of where it listens."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_PORTS = {"http": 80, "https": 443}
_LOCAL = (".localhost", ".test")
"""Names that no stranger can register (RFC 6761, section 6): they are this machine's, or its network's."""


class Name(NamedTuple):
    """A host in lower case, an IPv6 address without brackets, and a port."""

    host: str
    port: int


def name_of(authority: str, scheme: str) -> Name | None:
    """The name in a Host header or an origin (RFC 3986, section 3.2), or None where it is none."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None or scheme not in _PORTS:
        return None
    host, port = found[1].lower(), int(found[2]) if found[2] else _PORTS[scheme]
    if host.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return None
    return Name(host, port)


def origin_of(url: str) -> tuple[str, Name] | None:
    """The scheme and the name of a URL or an Origin header (RFC 6454), or None where it has none."""
    scheme, _, rest = url.partition("://")
    name = name_of(re.split("[/?#]", rest, maxsplit=1)[0], scheme.lower())
    return None if name is None else (scheme.lower(), name)


def is_address(host: str) -> bool:
    """Whether a host is an IP address. No name, and so no DNS server, stands behind one."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether only this machine's owner can serve pages under a host."""
    if host == "localhost" or host.endswith(_LOCAL):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


class Names:
    """The names of one issuer.

    Args:
        origin: gives scheme, host and port of its identifier.
        listens: whether it listens under a name.
        tls: it listens for https.
    """

    def __init__(
        self, origin: Callable[[], str], listens: Callable[[Name], bool], *, tls: bool = False
    ) -> None:
        self._origin, self._listens = origin, listens
        self._scheme = "https" if tls else "http"

    def own_host(self, host: str) -> bool:
        """Whether a Host header names this issuer."""
        scheme, identifier = self._identifier()
        return name_of(host, scheme) == identifier or self._own(name_of(host, self._scheme))

    def own_origin(self, origin: str) -> bool:
        """Whether an Origin header names this issuer."""
        named = origin_of(origin)
        if named is None or "/" in origin.partition("://")[2]:
            return False
        return named == self._identifier() or (named[0] == self._scheme and self._own(named[1]))

    def _own(self, name: Name | None) -> bool:
        return name is not None and self._listens(name)

    def _identifier(self) -> tuple[str, Name | None]:
        parts = urlsplit(self._origin())
        return parts.scheme, name_of(parts.netloc, parts.scheme)

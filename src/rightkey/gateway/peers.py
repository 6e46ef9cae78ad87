"""Peers: who may ask. A proxy's headers are believed, so that none but the proxy may send them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""The networks of peers where none are configured."""
MAX_REMEMBERED = 1024
"""Addresses that are remembered as those of peers, or of none."""


@dataclass(frozen=True, slots=True)
class Peers:
    """Networks of proxies. Anyone who may open a Unix socket is a peer."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def take(self, peername: Any) -> bool:
        """Whether a connection is one of theirs, by what its socket's `getpeername` said."""
        return not isinstance(peername, tuple) or _among(peername[0], self.networks)


@lru_cache(MAX_REMEMBERED)
def _among(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)

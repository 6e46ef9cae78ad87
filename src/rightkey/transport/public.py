"""Which IP addresses are public: reachable by everyone, so that being inside a network adds nothing.

By IANA's registries of special-purpose addresses (RFC 6890), in a table of our own: `ipaddress` knows them
as of the day its Python was made, and takes multicast, deprecated and unassigned addresses for global.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8",  # this network, and the unspecified address (RFC 791, section 3.2)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carriers' own, behind their NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122, section 3.2.1.3)
        "168.63.129.16/32",  # Azure's platform, as each of its machines reaches it
        "169.254.0.0/16",  # link-local (RFC 3927), and where clouds hand out credentials
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890, section 2.1)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # relays of 6to4, deprecated (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, section 4)
        "2001::/23",  # protocol assignments (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
    )
)

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is assigned as global unicast so far (RFC 4291, section 2.4)."""

_ISATAP = 0x5EFE  # in all addresses of such a tunnel (RFC 5214, section 6.1), but for the bit `u`

_WORD = 0xFFFF_FFFF
# Where IPv6 leads to IPv4: the bits to shift away, and those that are inverted. 64:ff9b:1::/48 is missed
# on purpose: which of its bits are the address is known to the operator of the translator (RFC 8215), so
# nothing in it is public.
_CARRIERS = (
    (IPv6Network("::/96"), ((0, 0),)),  # IPv4-compatible (RFC 4291, section 2.5.5.1), :: and ::1
    (IPv6Network("::ffff:0:0/96"), ((0, 0),)),  # IPv4-mapped (RFC 4291, section 2.5.5.2)
    (IPv6Network("64:ff9b::/96"), ((0, 0),)),  # NAT64 (RFC 6052, section 2.1)
    (IPv6Network("2002::/16"), ((80, 0),)),  # 6to4 (RFC 3056, section 2)
    (IPv6Network("2001::/32"), ((64, 0), (0, _WORD))),  # Teredo: server and client (RFC 4380, section 4)
)


def permitted(address: IPv4Address | IPv6Address, also: Collection[Network] = ()) -> bool:
    """Whether an address is public, or in one of these networks.

    One that carries IPv4 addresses is what they are: it leads to them.
    """
    if any(address in network for network in also):
        return True
    inner = carried(address)
    return all(permitted(one, also) for one in inner) if inner else _is_public(address)


def carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to; none for most."""
    for network, places in _CARRIERS:
        if address in network:
            return tuple(IPv4Address((int(address) >> shift ^ flip) & _WORD) for shift, flip in places)
    return ()


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC):
        return False
    tunnel = int(address) >> 32 & 0xFDFF_FFFF == _ISATAP
    return address.version == 4 or (address in _UNICAST and not tunnel)

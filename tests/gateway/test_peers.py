"""Who may ask."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from rightkey.gateway.peers import LOOPBACK, Peers


@pytest.mark.parametrize(
    ("peername", "taken"),
    [
        (("127.0.0.1", 5), True),
        (("127.8.0.1", 5), True),
        (("::1", 5, 0, 0), True),
        (("::ffff:127.0.0.1", 5, 0, 0), True),
        (("10.0.0.1", 5), False),
        (("::ffff:10.0.0.1", 5, 0, 0), False),
        (("fe80::1%eth0", 5, 0, 2), False),
        ("", True),
    ],
)
def test_loopback_and_unix_sockets_are_peers(peername: Any, taken: bool) -> None:
    """However their addresses are spelled."""
    assert Peers(tuple(map(ipaddress.ip_network, LOOPBACK))).take(peername) is taken

"""Which addresses are public: whole ranges at their edges, and whatever carries an address inside another."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.transport.public import carried, permitted

RANGES = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:10::/28",
    "2001:db8::/32",
    "3fff::/20",
    "4000::/3",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


BESIDE = [
    "1.0.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "8.8.8.8",
    "2000::",
    "2001:200::",
    "2001:db7::",
    "2001:db9::",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "3ffe::",
    "3fff:1000::",
]


@pytest.mark.parametrize("written", RANGES)
def test_what_is_special_is_refused(written: str) -> None:
    """From its first address to its last."""
    network = ip_network(written)
    assert not permitted(network[0])
    assert not permitted(network[network.num_addresses // 2])
    assert not permitted(network[-1])


@pytest.mark.parametrize("outside", BESIDE)
def test_what_lies_beside_is_public(outside: str) -> None:
    """The first address before a range, and the first after it."""
    assert permitted(ip_address(outside))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # AWS, Azure, Google Cloud
        "169.254.170.2",  # AWS, for containers
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
    ],
)
def test_what_hands_out_credentials_is_refused(address: str) -> None:
    """The addresses at which clouds serve metadata to their own machines."""
    assert not permitted(ip_address(address))


def carriers(inner: IPv4Address) -> list[IPv6Address]:
    """Every spelling of an IPv4 address in an IPv6 one; of Teredo's two, each beside a public one."""
    number, public = int(inner), int(IPv4Address("8.8.8.8"))
    return [
        IPv6Address(number),
        IPv6Address(f"::ffff:{inner}"),
        IPv6Address(f"64:ff9b::{inner}"),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
        IPv6Address(0x20010000 << 96 | number << 64 | public ^ 0xFFFFFFFF),
        IPv6Address(0x20010000 << 96 | public << 64 | number ^ 0xFFFFFFFF),
    ]


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_address_counts(inner: IPv4Address) -> None:
    """Whatever carries it, the verdict is that of what is carried."""
    assert {permitted(address) for address in carriers(inner)} == {permitted(inner)}


@pytest.mark.parametrize("written", ["::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:7f00:1::", "::7f00:1"])
def test_spellings_of_what_is_inside(written: str) -> None:
    """As they come in a URL or from a look-up."""
    assert not permitted(ip_address(written))


def test_teredo_leads_to_two() -> None:
    """Its server, and its client spelled inverted; the standard library agrees."""
    address = IPv6Address("2001:0:a00:1::f7f7:f7f7")
    assert carried(address) == address.teredo == (IPv4Address("10.0.0.1"), IPv4Address("8.8.8.8"))


@pytest.mark.parametrize("inner", ["8.8.8.8", "10.0.0.1"])
def test_a_translator_of_ones_own_is_not_public(inner: str) -> None:
    """64:ff9b:1::/48 (RFC 8215): only who runs it knows which bits are the address."""
    assert not permitted(IPv6Address(f"64:ff9b:1::{inner}"))


@pytest.mark.parametrize("identifier", ["0:5efe:808:808", "200:5efe:a00:1"])
def test_a_tunnel_through_a_site_is_not_public(identifier: str) -> None:
    """ISATAP (RFC 5214), under any prefix."""
    assert not permitted(IPv6Address(f"2606:4700::{identifier}"))


@given(st.ip_addresses())
def test_what_the_standard_library_takes_for_private_is_refused(address: IPv4Address | IPv6Address) -> None:
    """It lags behind the registries, and never says more than they do of what carries nothing."""
    if address.is_private and not (address.version == 6 and carried(address)):
        assert not permitted(address)
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local:
        assert not permitted(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "fd00::1"])
def test_networks_may_be_permitted_by_name(address: str) -> None:
    """An address that is carried is as permitted as it is by itself."""
    also = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    assert not permitted(ip_address(address))
    assert permitted(ip_address(address), also)
    assert not permitted(ip_address("192.168.0.1"), also)
    assert not permitted(ip_address("fe80::1"), also)
    assert permitted(ip_address("8.8.8.8"), also)


def test_a_scope_changes_nothing() -> None:
    """As a look-up may give for what is link-local."""
    assert not permitted(ip_address("fe80::1%eth0"))

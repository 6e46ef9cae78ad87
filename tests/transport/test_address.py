"""Which URLs may be fetched at all."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from tests.transport.conftest import HOST, PASSWORD, Serve, failed, ok, saying

from rightkey.errors import Misconfigured
from rightkey.exchange import Request
from rightkey.transport.address import read_address
from rightkey.transport.connection import Route
from rightkey.transport.default import DefaultTransport
from rightkey.transport.fetch import fetch

pytestmark = pytest.mark.usefixtures("no_proxies")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/",
        "data:application/json,{}",
        "http://issuer.example:{port}/",
        "http://127.0.0.1.example:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://localhost.:{port}/",
        "http://user:s3cr3t@127.0.0.1:{port}/",
        "http://s3cr3t@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
        "http://127.0.0.1:{port}/\tx",
        "http://127.0.0.1:{port}\\@issuer.example/",
        " http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/é",
        "http://127.0.0.1:99999/",
        "https://[::1%25lo]/",
        "https:///jwks",
        "http:127.0.0.1",
        "127.0.0.1:{port}",
        "",
    ],
)
def test_other_addresses_are_refused_without_a_socket(serve: Serve, url: str) -> None:
    server = serve(saying(ok()))
    error = failed(url.format(port=server.port) if "{port}" in url else url)
    assert error.reason == "address"
    assert server.accepted == 0


def test_what_an_address_holds() -> None:
    address = read_address("https://issuer.example")
    assert (address.host, address.port, address.target, address.loopback) == (HOST, 443, "/", False)
    address = read_address("http://[::1]:0/a?b")
    assert (address.host, address.port, address.target, address.loopback) == ("::1", 0, "/a?b", True)


# -- plain http by name ------------------------------------------------------------------------------


def test_a_host_that_is_named_is_asked_by_http(serve: Serve) -> None:
    """At any port and by its own name, wherever that leads."""
    server = serve(saying(ok(b"here")))
    where = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))
    request = Request("http://keycloak:8080/realms/x")
    response = fetch(request, lambda address: Route(address, lambda *_: [where]), ["keycloak"])
    assert (response.body, "Host: keycloak:8080\r\n" in server.head) == (b"here", True)
    assert failed(request.url).reason == "address"
    assert failed("http://name.invalid/", DefaultTransport(plain_http=["name.invalid"])).reason == "dns"


@pytest.mark.parametrize(
    ("named", "read"),
    [
        (["keycloak"], ("keycloak",)),
        ({"Keycloak", "a.internal"}, ("a.internal", "keycloak")),
        (["10.0.0.5", "[fd00::1]", "fd00::1"], ("10.0.0.5", "fd00::1")),
        ((), ()),
    ],
)
def test_hosts_are_read_alike(named: Any, read: tuple[str, ...]) -> None:
    """In lower case and in order, so that equal transports are equal."""
    assert DefaultTransport(plain_http=named).plain_http == read
    assert hash(DefaultTransport(plain_http=named)) == hash(DefaultTransport(plain_http=list(read)))


@pytest.mark.parametrize(
    "named",
    [
        *("keycloak", b"keycloak", 7, None, [7], [""]),
        *(["*"], ["*.internal"], [".internal"], ["key*"], ["10.0.0.0/8"]),
        *(["http://keycloak"], ["keycloak:8080"], ["keycloak/realms"], ["me:s3cr3t@keycloak"], ["a b"]),
        *(["tenant.eu.auth0.com"], ["LOGIN.microsoftonline.com"], ["accounts.google.com"]),
    ],
)
def test_what_cannot_be_named(named: Any) -> None:
    """No wildcard, no URL, and no host of a provider that serves https; a password is not quoted."""
    with pytest.raises(Misconfigured) as caught:
        DefaultTransport(plain_http=named)
    assert PASSWORD not in str(caught.value)


def test_a_named_host_is_that_host_alone() -> None:
    """A name that ends or begins like it is another."""
    for other in ("xkeycloak", "keycloak.example", "a.keycloak", "keycloak."):
        error = failed(f"http://{other}/", DefaultTransport(plain_http=["keycloak"]))
        assert (error.reason, "plain_http" in str(error)) == ("address", True)


def test_how_a_host_is_named_to_a_server() -> None:
    """Without the scheme's own port, and an IPv6 address in brackets."""
    for url, authority, with_port in (
        ("https://a.example/", "a.example", "a.example:443"),
        ("https://a.example:8443/", "a.example:8443", "a.example:8443"),
        ("http://[::1]/", "[::1]", "[::1]:80"),
        ("http://[::1]:443/", "[::1]:443", "[::1]:443"),
    ):
        address = read_address(url)
        assert (address.authority, address.with_port) == (authority, with_port)

"""The guarded transport, against real sockets: what it dials, and what it does not even try."""

from __future__ import annotations

import json
import socket
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

import rightkey
from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.connection import Route
from rightkey.transport.fetch import fetch
from rightkey.transport.guard import GuardedTransport, judged
from rightkey.transport.tls import TlsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_proxies")

HOST = "issuer.example"
LOOPBACK = (ip_network("127.0.0.0/8"),)


def saying(body: bytes, *headers: str, status: str = "200 OK") -> Callable[[socket.socket], None]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda sock: sock.sendall("\r\n".join(lines).encode() + body)


def failed(get: Callable[[Request], Response], url: str) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        get(Request(url))
    return caught.value


# -- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
    ],
)
def test_nothing_inside_is_dialled(serve: Serve, authority: Any, host: str) -> None:
    """Whichever way it is spelled: it is judged by what it leads to, and no socket is opened."""
    server = serve(saying(b"secret"), tls=authority.server)
    transport = GuardedTransport(ports=[server.port], ca_file=authority.file)
    error = failed(transport.get, f"https://{host}:{server.port}/")
    assert error.reason == "address"
    assert server.accepted == 0


def test_credentials_of_a_cloud_are_out_of_reach() -> None:
    """And the message names what was configured."""
    error = failed(GuardedTransport().get, "https://169.254.169.254/latest/meta-data/")
    assert (error.reason, "169.254.169.254 is refused" in str(error)) == ("address", True)


def test_where_a_name_leads_is_not_told() -> None:
    """Its readers may be those who configured the name, and the map of a network is not theirs."""
    error = failed(guarded(leading_to(("10.11.12.13", 443))), f"https://{HOST}/")
    assert (error.reason, HOST in str(error), "10.11" in str(error)) == ("address", True, False)
    assert error.__cause__ is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://localhost:{}/"])
def test_plain_http_is_refused(serve: Serve, url: str) -> None:
    """To loopback too, and where loopback may be dialled."""
    server = serve(saying(b"secret"))
    error = failed(GuardedTransport(LOOPBACK, [server.port]).get, url.format(server.port))
    assert (error.reason, "only https" in str(error)) == ("address", True)
    assert server.accepted == 0


def test_other_ports_are_refused(serve: Serve, authority: Any) -> None:
    """Before anything is looked up."""
    server = serve(saying(b"secret"), tls=authority.server)
    error = failed(GuardedTransport(LOOPBACK).get, server.url)
    assert (error.reason, f"port {server.port}" in str(error)) == ("address", True)
    assert failed(GuardedTransport(ports=[8443]).get, "https://name.invalid/").reason == "address"
    assert server.accepted == 0


# -- what is judged is what is dialled ---------------------------------------------------------------


class LookUp:
    """Stands for a name server: a list of addresses for each time it is asked."""

    def __init__(self, *answers: list[tuple[str, int]]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append((host, port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", where) for where in self.answers.pop(0)]


def leading_to(*addresses: tuple[str, int]) -> LookUp:
    return LookUp(list(addresses))


def guarded(look_up: LookUp, ca_file: str | None = None, also: Any = ()) -> Callable[[Request], Response]:
    """What a guarded transport does, with another look-up than the system's."""
    route = judged(look_up, also)
    return lambda request: fetch(request, lambda address: Route(address, route, TlsSettings(ca_file)))


def test_a_name_is_looked_up_once(serve: Serve, authority: Any) -> None:
    """What was judged is dialled: there is no second answer that could differ (DNS rebinding)."""
    server = serve(saying(b"document"), tls=authority.server)
    look_up = LookUp([("127.0.0.1", server.port)], [("127.0.0.2", server.port)])
    get = guarded(look_up, authority.file, [ip_network("127.0.0.1/32")])
    assert get(Request(f"https://{HOST}/")).body == b"document"
    assert look_up.asked == [(HOST, 443)]
    assert failed(get, f"https://{HOST}/").reason == "address"
    assert server.accepted == 1


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
@pytest.mark.parametrize("first", [True, False])
def test_every_address_must_be_public(serve: Serve, authority: Any, inside: str, first: bool) -> None:
    """One that is not refuses the name: none is dialled, in whatever order they come."""
    server = serve(saying(b"secret"), tls=authority.server)
    addresses = [(inside, server.port), ("8.8.8.8", server.port)]
    look_up = leading_to(*(addresses if first else addresses[::-1]))
    assert failed(guarded(look_up, authority.file), f"https://{HOST}/").reason == "address"
    assert server.accepted == 0


def test_the_certificate_is_still_the_names(serve: Serve, authority: Any) -> None:
    """An address is dialled, and the name is what its certificate must be for."""
    server = serve(saying(b"document"), tls=authority.server)
    where = [("127.0.0.1", server.port)]
    get = guarded(LookUp(where, where), authority.file, LOOPBACK)
    assert get(Request(f"https://{HOST}/")).body == b"document"
    assert f"Host: {HOST}\r\n" in server.head
    assert failed(get, "https://other.example/").reason == "tls"


# -- what is permitted -------------------------------------------------------------------------------


def test_networks_and_ports_may_be_permitted(serve: Serve, authority: Any) -> None:
    server = serve(saying(b"document", "ETag: one"), tls=authority.server)
    transport = GuardedTransport(LOOPBACK, [server.port], authority.file, "clinic/2")
    response = transport.get(Request(server.url, {"accept": "application/json"}))
    assert (response.status, response.body, response.headers["etag"]) == (200, b"document", "one")
    assert "User-Agent: clinic/2\r\n" in server.head
    assert "Accept: application/json\r\n" in server.head


def test_a_post_is_guarded_as_well(serve: Serve, authority: Any) -> None:
    server = serve(saying(b"answer"), tls=authority.server)
    transport = GuardedTransport(LOOPBACK, [server.port], authority.file)
    assert transport.post(Request(server.url, body=b"token=a")).body == b"answer"
    assert server.head.startswith("POST /")
    assert failed(GuardedTransport().post, "https://10.0.0.1/").reason == "address"


def test_no_proxy_is_ever_used(serve: Serve, authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look the name up for itself."""
    proxy = serve(saying(b"proxied"))
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    look_up = leading_to(("127.0.0.1", serve(saying(b"direct"), tls=authority.server).port))
    assert guarded(look_up, authority.file, LOOPBACK)(Request(f"https://{HOST}/")).body == b"direct"
    assert failed(GuardedTransport().get, "https://10.0.0.1/").reason == "address"
    assert failed(GuardedTransport().get, "https://name.invalid/").reason == "dns"
    assert proxy.accepted == 0


def test_a_redirect_is_not_followed(serve: Serve, authority: Any) -> None:
    """It is returned, and the caller refuses it."""
    target = serve(saying(b"secret"))
    server = serve(saying(b"", f"Location: {target.url}", status="302 Found"), tls=authority.server)
    transport = GuardedTransport(LOOPBACK, [server.port, target.port], authority.file)
    assert transport.get(Request(server.url)).status == 302
    assert target.accepted == 0


def test_a_jwks_uri_is_guarded_as_well(serve: Serve, authority: Any) -> None:
    """An issuer that may be reached cannot name a place that may not."""
    inside = serve(saying(b'{"keys":[]}'), tls=authority.server)
    documents: dict[str, str] = {}
    server = serve(lambda sock: saying(json.dumps(documents).encode())(sock), tls=authority.server)
    issuer = f"https://127.0.0.1:{server.port}"
    documents |= {"issuer": issuer, "jwks_uri": f"https://localhost:{inside.port}/"}
    also = [ip_network("127.0.0.1/32")]
    transport = GuardedTransport(also, [server.port], authority.file)
    with pytest.raises(rightkey.IssuerUnavailable, match=f"port {inside.port} of localhost") as caught:
        rightkey.locate(issuer, transport=transport)
    assert caught.value.code == "keys_unavailable"
    documents["jwks_uri"] = f"https://169.254.169.254:{server.port}/"
    with pytest.raises(rightkey.IssuerUnavailable, match=r"169\.254\.169\.254 is refused"):
        rightkey.locate(issuer, transport=transport)
    assert inside.accepted == 0


# -- the object itself -------------------------------------------------------------------------------


def test_transports_of_equal_settings_are_equal() -> None:
    """What one process shares is keyed by it; a list serves as well as a tuple."""
    assert GuardedTransport(list(LOOPBACK), [443]) == GuardedTransport(LOOPBACK) != GuardedTransport()
    assert len({GuardedTransport(), GuardedTransport(ports=[443]), GuardedTransport(LOOPBACK)}) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"also": "10.0.0.0/8"},
        {"also": ["10.0.0.0/8"]},
        {"also": LOOPBACK[0]},
        {"ports": 443},
        {"ports": ["443"]},
    ],
)
def test_settings_of_other_kinds(settings: Any) -> None:
    """Are told at once, and not at the first fetch."""
    with pytest.raises(Misconfigured, match=f"{next(iter(settings))} must be a collection of"):
        GuardedTransport(**settings)


@pytest.mark.parametrize("ports", [(), [0], [-1], [65536], [True]])
def test_ports_that_no_server_has(ports: Any) -> None:
    """True is no port, and with none nothing could ever be fetched."""
    with pytest.raises(Misconfigured, match="ports must hold at least one, each from 1 to 65535"):
        GuardedTransport(ports=ports)

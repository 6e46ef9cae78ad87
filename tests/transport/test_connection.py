"""How an address is reached: looked up, connected and, by a proxy, tunnelled."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from tests.transport.conftest import (
    HOST,
    PASSWORD,
    SLOW,
    Answer,
    Authority,
    Serve,
    failed,
    get,
    late,
    ok,
    saying,
    unused_port,
)

from rightkey.exchange import ExchangeFailed
from rightkey.transport import connection
from rightkey.transport.connection import _first_connected, _in_turn, _share, look_up_loopback
from rightkey.transport.deadline import Deadline
from rightkey.transport.default import DefaultTransport

pytestmark = pytest.mark.usefixtures("no_proxies")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that answers no SYN: its queue is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def tunnelling(port: int) -> Answer:
    """A proxy that knows one place: whatever is asked for, it leads to the port."""

    def answer(sock: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as onward:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            pump(sock, onward)

    return answer


def pump(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either ends, on one thread: TLS must not be read and written at once."""
    with suppress(OSError):
        while True:
            held = [end for end in (one, other) if isinstance(end, ssl.SSLSocket) and end.pending()]
            for source in held or select.select([one, other], [], [], 30)[0]:
                piece = source.recv(65536)
                if not piece:
                    return
                (other if source is one else one).sendall(piece)


@pytest.mark.slow
def test_connecting_has_its_own_bound(silent: int) -> None:
    error = failed(f"http://127.0.0.1:{silent}/", connect_timeout=0.2)
    assert (error.reason, str(error)) == ("timeout", "no connection with 127.0.0.1 within 0.2 s")


@pytest.mark.slow
def test_the_deadline_bounds_connecting_too(silent: int) -> None:
    assert "within 0.2 s" in str(failed(f"http://127.0.0.1:{silent}/", connect_timeout=9.0, timeout=0.2))


@pytest.mark.slow
def test_a_silent_address_leaves_time_for_the_next(
    serve: Serve, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host whose IPv6 leads nowhere is reached by IPv4, within what the first one has left."""
    monkeypatch.setattr(connection, "_share", lambda left, remaining: 0.2 if remaining > 1 else left)
    server = serve(saying(ok()), greedy=False)
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    found = [(*kind, ("127.0.0.1", silent)), (*kind, ("127.0.0.1", server.port))]
    with _first_connected(found, Deadline.after(60)) as sock:
        assert sock.getpeername()[1] == server.port


def test_the_families_take_turns() -> None:
    """Where one of them leads nowhere, the second address is of the other: RFC 8305, section 4."""
    six, four = socket.AF_INET6, socket.AF_INET
    assert [one for _, one in _in_turn([(six, 1), (six, 2), (six, 3), (four, 4), (four, 5)])] == [
        *((six, 1), (four, 4), (six, 2), (four, 5), (six, 3))
    ]
    assert list(_in_turn([(four, 1), (four, 2)])) == [(2, (four, 1)), (1, (four, 2))]
    assert list(_in_turn([])) == []


@pytest.mark.parametrize("addresses", [1, 2, 8, 16, 64])
def test_many_addresses_leave_the_first_ones_time_enough(addresses: int) -> None:
    """For a host on another continent: and all of them together have no more than there is."""
    left, shares = 2.0, list[float]()
    for remaining in range(addresses, 0, -1):
        shares.append(_share(left, remaining))
        left -= shares[-1]
    assert all(share > 0.4 for share in shares[:2])
    assert left == pytest.approx(0.0, abs=1e-9)


def test_a_late_name_is_noticed_at_once() -> None:
    """A look-up cannot be cut short; nothing is begun once it has outlasted the bound."""
    late = Deadline(1.0, time.monotonic() - 1)
    with pytest.raises(TimeoutError):
        _first_connected([(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))], late)


def test_a_localhost_that_leads_elsewhere_is_refused() -> None:
    """Whatever a hosts file says, plain http does not leave this machine."""
    with pytest.raises(ExchangeFailed, match="does not lead to loopback") as caught:
        look_up_loopback("192.0.2.1", 80)
    assert caught.value.reason == "address"


def test_a_proxy_is_asked_for_a_tunnel(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees a host and a port and its own credentials; the document stays between us and the issuer."""
    server = serve(saying(ok(b"through")), tls=authority.server)
    proxy = serve(tunnelling(server.port))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}%40@127.0.0.1:{proxy.port}")
    assert get(f"https://{HOST}/keys", DefaultTransport(authority.file)).body == b"through"
    assert proxy.head.startswith(f"CONNECT {HOST}:443 HTTP/1.")
    assert "Proxy-Authorization: Basic dXNlcjpzM2NyM3RA\r\n" in proxy.head
    assert server.head.startswith("GET /keys HTTP/1.1")
    assert f"Host: {HOST}\r\n" in server.head
    assert "Proxy-Authorization" not in server.head


def test_a_proxy_may_speak_tls_itself(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(saying(ok(b"through")), tls=authority.server)
    proxy = serve(tunnelling(server.port), tls=authority.server)
    monkeypatch.setenv("ALL_PROXY", f"https://127.0.0.1:{proxy.port}")
    assert get(f"https://{HOST}/", DefaultTransport(authority.file)).body == b"through"


def test_the_certificate_is_verified_through_a_proxy(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(saying(ok()), tls=authority.server)
    proxy = serve(tunnelling(server.port))
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
    assert failed(f"https://{HOST}/").reason == "tls"
    assert failed("https://other.example/", DefaultTransport(authority.file)).reason == "tls"
    assert server.heads == []


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407: check the user name"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered CONNECT with 502"),
        (b"nonsense\r\n\r\n", "opened no tunnel: the answer is not proper http/1.1"),
        (b"", "closed the connection"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, said: bytes, word: str
) -> None:
    proxy = serve(saying(said))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
    error = failed(f"https://{HOST}/")
    assert (error.reason, word in str(error)) == ("proxy", True), error
    assert f"127.0.0.1:{proxy.port}" in str(error)


def test_a_proxy_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@127.0.0.1:{unused_port()}")
    error = failed(f"https://{HOST}/")
    assert (error.reason, "refused" in str(error)) == ("proxy", True)


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.slow
def test_a_tunnel_ends_at_the_deadline(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, over_tls: bool
) -> None:
    proxy = serve(SLOW["headers"], tls=authority.server if over_tls else None)
    monkeypatch.setenv("HTTPS_PROXY", f"http{'s' * over_tls}://127.0.0.1:{proxy.port}")
    late(proxy, f"https://{HOST}/", DefaultTransport(authority.file))
    assert proxy.saw_close.wait(20)


@pytest.mark.slow
def test_what_goes_on_in_a_tunnel_ends_at_the_deadline(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS inside of TLS has the same one bound."""
    server = serve(SLOW["body"], tls=authority.server)
    proxy = serve(tunnelling(server.port), tls=authority.server)
    monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
    assert failed(f"https://{HOST}/", DefaultTransport(authority.file), timeout=0.5).reason == "timeout"


ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header fields": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header field": (b"HTTP/1.1 200 OK\r\nA: ", b"b"),
}


@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_proxys_answer_has_an_end(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, kind: str, over_tls: bool
) -> None:
    """Its octets count with all others."""
    start, rest = ENDLESS[kind]
    proxy = serve(
        saying(start, *[rest * (16384 // len(rest))] * 99), tls=authority.server if over_tls else None
    )
    monkeypatch.setenv("HTTPS_PROXY", f"http{'s' * over_tls}://127.0.0.1:{proxy.port}")
    error = failed(f"https://{HOST}/", DefaultTransport(authority.file), timeout=30)
    assert (error.reason, f"127.0.0.1:{proxy.port}" in str(error)) == ("too_large", True)


def test_a_proxy_says_nothing_before_tls(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows its answer at once cannot be the issuer's."""
    proxy = serve(saying(b"HTTP/1.1 200 OK\r\n\r\nand more"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert "more than its answer" in str(failed(f"https://{HOST}/"))

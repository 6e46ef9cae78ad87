"""One moment at which everything ends, whatever is slow."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.default import DefaultTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[socket.socket], None]
    Authority = Any  # of conftest.py, like the servers that `serve` starts
    Serve = Callable[..., Any]


pytestmark = pytest.mark.usefixtures("no_proxies")

PASSWORD = "s3cr3t"


def dripping(start: bytes, drop: bytes) -> Answer:
    """Sends the start, and then a drop every 20 ms for as long as anybody listens."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(start)
        for _ in range(200 if drop else 0):
            time.sleep(0.02)
            sock.sendall(drop)
        while sock.recv(65536):
            pass

    return answer


def chunked(*chunks: bytes) -> bytes:
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded


def get(url: str, transport: DefaultTransport | None = None, **settings: object) -> Response:
    request = Request(url, **{"timeout": 4.0, **settings})  # type: ignore[arg-type]
    return (transport or DefaultTransport()).get(request)


def failed(url: str, transport: DefaultTransport | None = None, **settings: object) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        get(url, transport, **settings)
    said = str(caught.value)
    assert said[:1] == said[:1].lower()
    assert not said.endswith(".")
    assert PASSWORD not in said + "".join(map(repr, below(caught.value)))
    return caught.value


def below(error: BaseException) -> Iterator[BaseException]:
    """What an error is chained to: a traceback in a log shows that as well."""
    while deeper := error.__cause__ or error.__context__:
        yield deeper
        error = deeper


SLOW: dict[str, Answer] = {
    "nothing at all": dripping(b"", b""),
    "status": dripping(b"HTTP/1.1 2", b"0"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "one header": dripping(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
    "body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks": dripping(chunked(), b"1\r\n \r\n"),
    "a chunk's size": dripping(chunked(), b"0"),
    "trailers": dripping(chunked() + b"0\r\n", b"A: b\r\n"),
}


@pytest.mark.parametrize("slow", SLOW)
def test_everything_ends_at_the_deadline(serve: Serve, slow: str) -> None:
    """Whatever is slow, and however little comes at a time: one bound, and the socket is closed."""
    server = serve(SLOW[slow])
    begun = time.monotonic()
    error = failed(server.url, timeout=0.3)
    assert 0.2 < time.monotonic() - begun < 2
    assert (error.reason, "0.3 s" in str(error), "127.0.0.1" in str(error)) == ("timeout", True, True)
    assert server.saw_close.wait(3)


def test_a_dripped_body_ends_at_the_deadline_over_tls(serve: Serve, authority: Authority) -> None:
    server = serve(SLOW["body"], tls=authority.server)
    begun = time.monotonic()
    assert failed(server.url, DefaultTransport(authority.file), timeout=0.4).reason == "timeout"
    assert time.monotonic() - begun < 2
    assert server.saw_close.wait(3)


@pytest.mark.parametrize("drop", [b"", b"\x00"])
def test_a_handshake_ends_at_the_deadline(serve: Serve, drop: bytes) -> None:
    """A record of 16 KiB, dripped byte by byte, and one that never comes."""
    server = serve(dripping(b"\x16\x03\x03\x40\x00", drop), greedy=False)
    begun = time.monotonic()
    assert failed(f"https://localhost:{server.port}/", timeout=0.3).reason == "timeout"
    assert time.monotonic() - begun < 2
    assert server.saw_close.wait(3)

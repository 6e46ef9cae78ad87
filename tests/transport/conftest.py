"""What tests of the transport share: what a server sends, and a request that must succeed or fail."""

from __future__ import annotations

import atexit
import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.default import DefaultTransport

Answer = Callable[[socket.socket], None]
Authority = Any  # of the conftest.py above, like the servers that `serve` starts
Serve = Callable[..., Any]

PASSWORD = "s3cr3t"
HOST = "issuer.example"


def saying(*pieces: bytes, every: float = 0) -> Answer:
    """Sends the pieces, `every` seconds one."""

    def answer(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(every)

    return answer


def dripping(start: bytes, drop: bytes) -> Answer:
    """Sends the start, then a drop every 20 ms, 200 times, and ends. Without a drop it sends nothing more.

    Each read is in time. Where the bound were not one for the whole request, the answer would end first, and
    what ends early is no timeout.
    """

    def answer(sock: socket.socket) -> None:
        sock.sendall(start)
        for _ in range(200 if drop else 0):
            time.sleep(0.02)
            sock.sendall(drop)
        while not drop and sock.recv(65536):
            pass

    return answer


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer, with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes) -> bytes:
    """An answer in chunks, of which an empty one is the last."""
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded


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


def get(url: str, transport: DefaultTransport | None = None, **settings: object) -> Response:
    """A request with a minute, unless a test says otherwise: this machine may be busy."""
    request = Request(url, **{"connect_timeout": 60.0, "timeout": 60.0, **settings})  # type: ignore[arg-type]
    return (transport or DefaultTransport()).get(request)


def failed(url: str, transport: DefaultTransport | None = None, **settings: object) -> ExchangeFailed:
    """How such a request fails: told as every message is, and without the password."""
    with pytest.raises(ExchangeFailed) as caught:
        get(url, transport, **settings)
    said = str(caught.value)
    assert said[:1] == said[:1].lower()
    assert not said.endswith(".")
    assert PASSWORD not in said + "".join(map(repr, below(caught.value)))
    return caught.value


def late(server: Any, url: str, transport: DefaultTransport | None = None) -> ExchangeFailed:
    """How a request to a server fails that ends at its deadline. It has more time where a busy machine has
    used it all up before the server was reached."""
    seconds = 0.3
    while True:
        error = failed(url, transport, timeout=seconds)
        assert (error.reason, f"{seconds:g} s" in str(error)) == ("timeout", True), error
        if server.accepted:
            return error
        seconds *= 2


def below(error: BaseException) -> Iterator[BaseException]:
    """What an error is chained to: a traceback in a log shows that as well."""
    while deeper := error.__cause__ or error.__context__:
        yield deeper
        error = deeper


@cache
def unused_port() -> int:
    """A port of this machine on which nothing listens, nor will: it is bound."""
    bound = socket.socket()
    atexit.register(bound.close)
    bound.bind(("127.0.0.1", 0))
    return int(bound.getsockname()[1])

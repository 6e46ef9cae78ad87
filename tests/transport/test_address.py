"""Which URLs may be fetched at all."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.address import read_address
from rightkey.transport.default import DefaultTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[socket.socket], None]
    Authority = Any  # of conftest.py, like the servers that `serve` starts
    Serve = Callable[..., Any]


pytestmark = pytest.mark.usefixtures("no_proxies")

HOST = "issuer.example"
PASSWORD = "s3cr3t"


def saying(*pieces: bytes, every: float = 0) -> Answer:
    """Sends the pieces, `every` seconds one."""

    def answer(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(every)

    return answer


def ok(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


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

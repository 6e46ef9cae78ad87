"""What an exception of a socket or of TLS means, in one word and one sentence."""

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


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_refused_connection() -> None:
    error = failed(f"http://127.0.0.1:{unused_port()}/")
    assert (error.reason, "127.0.0.1 refused" in str(error)) == ("refused", True)


def test_an_unreachable_address() -> None:
    """The broadcast address: no TCP connection leads there."""
    assert failed("https://255.255.255.255/").reason == "unreachable"


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".example"])
def test_a_name_that_is_none(host: str) -> None:
    error = failed(f"https://{host}/")
    assert (error.reason, host in str(error)) == ("dns", True)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_reset(serve: Serve, begin: bytes) -> None:
    """Before the answer, or in the middle of its body."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(begin)
        time.sleep(0.05)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # closing sends RST
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()

    assert failed(serve(answer).url).reason == "reset"


def test_a_header_that_cannot_be_sent_is_not_quoted(serve: Serve) -> None:
    """Nothing but ExchangeFailed leaves, and its message repeats no value."""
    error = failed(serve(saying(ok())).url, headers={"Accept": "unsent\r\nX: y"})
    assert (error.reason, "ValueError" in str(error), "unsent" in str(error)) == ("protocol", True, False)

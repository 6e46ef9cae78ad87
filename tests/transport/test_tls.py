"""Which certificates are believed, and how octets are encrypted."""

from __future__ import annotations

import socket
import time
from pathlib import Path
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


def test_a_private_authority_is_trusted_by_its_file(serve: Serve, authority: Authority) -> None:
    server = serve(saying(ok(b"secret")), tls=authority.server)
    assert get(server.url, DefaultTransport(authority.file)).body == b"secret"


def test_an_unknown_authority_is_refused(serve: Serve, authority: Authority) -> None:
    """And nothing is sent to it."""
    server = serve(saying(ok()), tls=authority.server)
    error = failed(server.url)
    assert (error.reason, "use a ca file" in str(error)) == ("tls", True)
    assert server.heads == []


def test_a_certificate_for_another_host_is_refused(serve: Serve, authority: Authority) -> None:
    server = serve(saying(ok()), tls=authority.server)
    error = failed(f"https://localhost:{server.port}/", DefaultTransport(authority.file))
    assert (error.reason, "not valid for 'localhost'" in str(error)) == ("tls", True)
    assert "ca file" not in str(error)


def test_a_server_without_tls(serve: Serve) -> None:
    server = serve(saying(ok()), greedy=False)
    error = failed(server.url.replace("http:", "https:"))
    assert (error.reason, "wrong version number" in str(error)) == ("tls", True)


def test_an_authority_file_that_cannot_be_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for file in (empty, tmp_path / "none.pem"):
        error = failed("https://127.0.0.1:1/", DefaultTransport(str(file)))
        assert (error.reason, str(file) in str(error)) == ("tls", True)

"""The adapter for a user's own client: the same bounds and the same failures, as far as it lets us."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport.httpx import HttpxTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

httpx = pytest.importorskip("httpx")

URL = "https://issuer.example/jwks"


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Starts a listener on loopback that sends pieces, `every` seconds one; gives its URL."""
    with ExitStack() as stack:

        def start(*pieces: bytes, every: float = 0) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=answer, args=(listener, pieces, every), daemon=True)
            thread.start()
            stack.callback(thread.join, 60)
            return f"http://127.0.0.1:{listener.getsockname()[1]}/jwks"

        yield start


@pytest.fixture
def client(serve: object) -> Iterator[httpx.Client]:
    """Closed before the listeners are: it keeps its connections."""
    with httpx.Client(trust_env=False, verify=False) as client:  # over http; authorities take long to load
        yield client


def answer(listener: socket.socket, pieces: tuple[bytes, ...], every: float) -> None:
    sock, _ = listener.accept()
    with sock, suppress(ConnectionError):
        sock.recv(65536)
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(every)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass


def answering(response: object) -> httpx.Client:
    """A client that has its answers, or its failure, in memory."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return httpx.Client(transport=httpx.MockTransport(handle))


def get(client: httpx.Client, url: str = URL, **settings: object) -> Response:
    patient = {"connect_timeout": 60.0, "timeout": 60.0}
    return HttpxTransport(client).get(Request(url, **patient | settings))  # type: ignore[arg-type]


def failed(client: httpx.Client, url: str = URL, **settings: object) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        get(client, url, **settings)
    return caught.value


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_document_is_fetched(client: httpx.Client, serve: Callable[..., str]) -> None:
    """And the client is left open."""
    response = get(client, serve(ok(b"{}", "ETag: one", "Vary: A", "vary: B")))
    assert (response.status, response.body, response.headers["etag"]) == (200, b"{}", "one")
    assert response.headers["vary"] == "A, B"
    assert not client.is_closed


def test_a_post_sends_its_body() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=request.content)

    transport = HttpxTransport(httpx.Client(transport=httpx.MockTransport(handle)))
    assert transport.post(Request(URL, body=b"token=a")).body == b"token=a"
    assert transport.get(Request(URL)).body == b""
    assert [request.method for request in seen] == ["POST", "GET"]


def test_gzip_is_decompressed(client: httpx.Client, serve: Callable[..., str]) -> None:
    assert get(client, serve(ok(gzip.compress(b"{}"), "Content-Encoding: gzip"))).body == b"{}"


def test_a_request_is_plain() -> None:
    """It carries what it was given, asks for gzip alone, and is not redirected, whatever the client does."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    client = httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=True)
    response = get(client, headers={"Accept": "application/json"}, connect_timeout=1.0, timeout=3.0)
    assert (response.status, response.headers["location"]) == (302, "https://elsewhere.example/")
    (request,) = seen
    assert (request.headers["accept"], request.headers["accept-encoding"]) == ("application/json", "gzip")
    assert request.extensions["timeout"] == {"connect": 1.0, "read": 3.0, "write": 3.0, "pool": 1.0}


def test_a_response_made_in_memory() -> None:
    """As tests make them: read and decoded before we see it."""
    packed = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(b"{}"))
    assert get(answering(packed)).body == b"{}"
    assert failed(answering(httpx.Response(200, content=b"123")), max_body=2).reason == "too_large"


@pytest.mark.slow
def test_a_bomb_never_expands_beyond_the_bound(client: httpx.Client, serve: Callable[..., str]) -> None:
    url = serve(ok(gzip.compress(bytes(64 * 1024 * 1024)), "Content-Encoding: gzip"))
    tracemalloc.start()
    try:
        assert failed(client, url).reason == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.slow
def test_a_dripped_body_ends_at_the_deadline(client: httpx.Client, serve: Callable[..., str]) -> None:
    """Each read is in time, all of them together are not; a body that came whole would be no failure."""
    url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b" "] * 99, every=0.02)
    assert failed(client, url, timeout=0.3).reason == "timeout"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((), "protocol"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",), "protocol"),
        ((ok(b"{}", "Content-Encoding: br"),), "protocol"),
    ],
)
def test_what_is_not_whole_is_refused(
    client: httpx.Client, serve: Callable[..., str], said: tuple[bytes, ...], reason: str
) -> None:
    assert failed(client, serve(*said)).reason == reason


@pytest.mark.slow
def test_no_answer_in_time(client: httpx.Client, serve: Callable[..., str]) -> None:
    error = failed(client, serve(b"", every=0.5), timeout=0.2)
    assert (error.reason, "0.2 s" in str(error)) == ("timeout", True)


def test_a_refused_connection(client: httpx.Client) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and does not listen
        assert failed(client, f"http://127.0.0.1:{sock.getsockname()[1]}/").reason == "refused"


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (httpx.PoolTimeout("s3cr3t"), "timeout"),
        (httpx.ProxyError("s3cr3t"), "proxy"),
        (httpx.UnsupportedProtocol("s3cr3t"), "address"),
        (httpx.ReadError("s3cr3t"), "protocol"),
        (RuntimeError("s3cr3t"), "protocol"),
        (ConnectionResetError("s3cr3t"), "reset"),
    ],
)
def test_nothing_else_leaves(raised: Exception, reason: str) -> None:
    """Whatever a client raises is told in our words, and not quoted."""
    error = failed(answering(raised))
    assert (error.reason, "s3cr3t" in str(error), "issuer.example" in str(error)) == (reason, False, True)
    assert error.__cause__ is raised


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://issuer.example/", "https://a:b@issuer.example/"]
)
def test_other_addresses_never_reach_the_client(url: str) -> None:
    assert failed(answering(AssertionError("asked")), url).reason == "address"


def test_transports_of_one_client_are_equal(client: httpx.Client) -> None:
    one = HttpxTransport(client)
    assert one == HttpxTransport(client)
    assert hash(one) == hash(HttpxTransport(client))
    assert one != HttpxTransport(answering(httpx.Response(200)))
    assert one != client


def test_an_async_client_is_refused() -> None:
    """When the transport is built, and not when the first token comes."""
    with pytest.raises(Misconfigured, match=r"sync httpx\.Client"):
        HttpxTransport(httpx.AsyncClient())
    with pytest.raises(Misconfigured, match="got str"):
        HttpxTransport("client")  # type: ignore[arg-type]

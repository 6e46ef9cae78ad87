"""How a body is put together, against real sockets on loopback."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
from collections.abc import Callable

import pytest
from tests.transport.conftest import Serve, chunked, failed, get, ok, saying

from rightkey.exchange import ExchangeFailed
from rightkey.transport.body import collect

pytestmark = pytest.mark.usefixtures("no_proxies")


def chunked_gzip(body: bytes) -> bytes:
    whole = chunked(gzip.compress(body), b"")
    return whole.replace(b"\r\n\r\n", b"\r\nContent-Encoding: x-gzip\r\n\r\n", 1)


def test_gzip_is_decompressed(serve: Serve) -> None:
    body = b'{"keys":[]}' * 1000
    assert get(serve(saying(ok(gzip.compress(body), "Content-Encoding: gzip"))).url).body == body


@pytest.mark.slow
@pytest.mark.parametrize("coded", [gzip.compress, lambda body: chunked_gzip(body)])
def test_a_bomb_never_expands_beyond_the_bound(serve: Serve, coded: Callable[[bytes], bytes]) -> None:
    """64 MiB in 64 KiB cost the bound and a chunk of memory."""
    packed = coded(bytes(64 * 1024 * 1024))
    framed = packed if packed.startswith(b"HTTP") else ok(packed, "Content-Encoding: gzip")
    server = serve(saying(framed))
    get_once = serve(saying(ok()))
    get(get_once.url)  # what is loaded at the first fetch is not the bomb's
    tracemalloc.start()
    try:
        assert failed(server.url).reason == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 1024 * 1024


def test_the_bound_is_inclusive(serve: Serve) -> None:
    server = serve(saying(ok(b"12345")))
    assert get(server.url, max_body=5).body == b"12345"
    error = failed(server.url, max_body=4)
    assert (error.reason, "4 bytes" in str(error)) == ("too_large", True)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_64_mib_are_not_read(serve: Serve, framing: str) -> None:
    """Reading stops at the bound, however the body is framed."""
    head = {
        "length": b"Content-Length: 67108864\r\n",
        "chunked": b"Transfer-Encoding: chunked\r\n",
        "close": b"",
    }[framing]
    block = b"x" * 65536
    piece = b"10000\r\n" + block + b"\r\n" if framing == "chunked" else block
    sent = []

    def answer(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(1024):
            sock.sendall(piece)
            sent.append(1)

    server = serve(answer)
    assert failed(server.url).reason == "too_large"
    assert server.saw_close.wait(20)
    assert len(sent) < 512


def test_a_chunk_after_the_end_of_gzip_is_refused(serve: Serve) -> None:
    said = chunked(gzip.compress(b"{}"), b"more", b"")
    said = said.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
    assert failed(serve(saying(said, every=0.05)).url).reason == "protocol"


@pytest.mark.parametrize("coding", ["identity", "utf-8", "none", "aws-chunked", "UTF8, none", ""])
def test_what_is_no_coding_changes_nothing(coding: str) -> None:
    """Object stores serve whatever was once stored there."""
    assert collect([b"{", b"}"], coding, 9) == b"{}"


@pytest.mark.parametrize("coding", ["gzip", "X-GZIP", "aws-chunked,gzip"])
def test_several_gzip_streams_are_one_body(coding: str) -> None:
    """Wherever they are cut (RFC 1952, section 2.2)."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert collect([packed], coding, 99) == b"one two"
    assert collect([packed[at : at + 1] for at in range(len(packed))], coding, 99) == b"one two"


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, br", "gzip, gzip", "compress"])
def test_a_coding_that_was_not_asked_for_is_named(coding: str) -> None:
    """So that the server can be mended."""
    with pytest.raises(ExchangeFailed, match=f"content-encoding {coding}: only gzip") as caught:
        collect([b"{}"], coding, 9)
    assert caught.value.reason == "protocol"


def test_gzip_streams_are_bounded_in_number() -> None:
    """Each may be empty."""
    with pytest.raises(ExchangeFailed, match="more than 16 gzip streams"):
        collect([gzip.compress(b"")] * 17, "gzip", 9)

"""How an answer is read off a stream: what is proper, and what is refused."""

from __future__ import annotations

import gzip
import zlib

import pytest
from tests.transport.conftest import Serve, chunked, failed, get, ok, saying

pytestmark = pytest.mark.usefixtures("no_proxies")


def test_chunks_are_joined(serve: Serve) -> None:
    assert get(serve(saying(chunked(b"one ", b"two", b""))).url).body == b"one two"


def test_a_body_may_end_with_its_connection(serve: Serve) -> None:
    assert get(serve(saying(b"HTTP/1.0 200 OK\r\n\r\nall")).url).body == b"all"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (ok(gzip.compress(b"{}")[:-9], "Content-Encoding: gzip"), "is cut off"),
        (ok(gzip.compress(b"{}") + b"more", "Content-Encoding: gzip"), "not gzip"),
        (ok(gzip.compress(b"{}") + b"x", "Content-Encoding: gzip"), "is cut off"),
        (ok(b"{}", "Content-Encoding: gzip"), "not gzip"),
        (ok(zlib.compress(b"{}"), "Content-Encoding: deflate"), "content-encoding deflate"),
        (ok(b"{}", "Content-Encoding: br"), "content-encoding br"),
        (
            ok(gzip.compress(gzip.compress(b"{}")), "Content-Encoding: gzip, gzip"),
            "content-encoding gzip, gzip",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "not whole: 5 bytes of 10 came"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            "content-length is not one number",
        ),
        (chunked(b"short"), "closed between two chunks"),
        (chunked(b"short")[:-3], "closed within a chunk"),
        (chunked() + b"zz\r\n{}\r\n", "size of a chunk is not a number"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not a status line"),
    ],
)
def test_what_is_not_whole_and_proper_is_refused(serve: Serve, said: bytes, word: str) -> None:
    """A body is never silently shorter than what was sent, nor what it was not said to be."""
    error = failed(serve(saying(said)).url)
    assert (error.reason, word in str(error)) == ("protocol", True), error


def test_a_connection_closed_without_an_answer(serve: Serve) -> None:
    assert failed(serve(saying()).url).reason == "reset"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "switches to another protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer coding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{}", "transfer coding"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "a name, a colon and a value"),
        (b"HTTP/1.1 200 OK\r\n folded first\r\n\r\n", "a name, a colon and a value"),
        (b"HTTP/1.1 200 OK\r\nLength : 2\r\n\r\n", "a name, a colon and a value"),
        (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "a name, a colon and a value"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", "not one number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}", "not one number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}", "not one number"),
        (chunked() + b"2\r\n{}x\r\n0\r\n\r\n", "longer than its size"),
        (chunked() + b"-2\r\n{}\r\n0\r\n\r\n", "not a number"),
        (chunked() + b"0x2\r\n{}\r\n0\r\n\r\n", "not a number"),
        (b"HTTP/2 200\r\n\r\n", "not a status line"),
        (b"HTTP/1.1 99 Low\r\n\r\n", "not a status line"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "not a status line"),
        (b"HTTP/1.1 200 O", "within a line"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(serve: Serve, said: bytes, word: str) -> None:
    """By us and by whatever stands between us and the issuer."""
    error = failed(serve(saying(said)).url)
    assert (error.reason, word in str(error)) == ("protocol", True), error


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            b"{}",
        ),
        (b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 102\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\nContent-Length: 2\nA: b\n  c\n\n{}more", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\t02 \r\n\r\n{}", b"{}"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n"
            b"2;a=b\r\n{}\r\n0\r\nT: x\r\n\r\n",
            b"{}",
        ),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 200 \xe9\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_what_servers_say_is_understood(serve: Serve, said: bytes, body: bytes) -> None:
    """Interim answers, line ends, folded lines, a length twice, and a length beside chunks (RFC 9112)."""
    assert get(serve(saying(said)).url).body == body


def test_a_folded_field_is_one(serve: Serve) -> None:
    """Its lines are joined by a space (RFC 9112, section 5.2)."""
    said = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=5,\r\n\t public\r\nContent-Length: 0\r\n\r\n"
    assert get(serve(saying(said)).url).headers["cache-control"] == "max-age=5, public"

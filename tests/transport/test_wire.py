"""Every octet off the wire counts, and every wait ends: against sockets that send without end."""

from __future__ import annotations

import gzip
import socket
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rightkey.exchange import ExchangeFailed, Request
from rightkey.transport import body, deadline, wire
from rightkey.transport.allowance import AROUND, Allowance
from rightkey.transport.answer import Incoming, read_body, read_head
from rightkey.transport.deadline import Deadline
from rightkey.transport.default import DefaultTransport
from rightkey.transport.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("no_proxies")

MAX_BODY = 128 * 1024

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10]

ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "interim answers of few octets": (b"", b"HTTP/1.1 102 \n\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "a status line": (b"HTTP/1.1 200 O", b"K"),
    "header fields": (OK, b"A: b\r\n"),
    "header fields without values": (OK, b"a:\n"),
    "one header field": (OK + b"A: ", b"b"),
    "spaces in a header field": (OK + b"A: b", b" "),
    "folded lines": (OK + b"A: b\r\n", b" c\r\n"),
    "a header field of an interim answer": (b"HTTP/1.1 100 Continue\r\n", b"A: b\r\n"),
    "a body without a length": (OK + b"\r\n", b" "),
    "a body of a length": (OK + b"Content-Length: 999999999999\r\n\r\n", b" "),
    "chunks": (CHUNKED + b"\r\n", b"400\r\n" + b" " * 1024 + b"\r\n"),
    "chunks of one octet": (CHUNKED + b"\r\n", b"1\r\n \r\n"),
    "chunks with extensions": (CHUNKED + b"\r\n", b'1;name="' + b"a" * 200 + b'"\r\n \r\n'),
    "the size of a chunk": (CHUNKED + b"\r\n", b"0"),
    "an extension of a chunk": (CHUNKED + b"\r\n1;", b"a"),
    "one chunk": (CHUNKED + b"\r\nffffffffff\r\n", b" "),
    "trailers": (CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"A: b\r\n"),
    "one trailer": (CHUNKED + b"\r\n2\r\n{}\r\n0\r\nA: ", b"b"),
    "gzip that expands to nothing": (GZIP, b"\x00\x00\x00\xff\xff"),
    "gzip streams": (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"")),
    "NUL": (b"", b"\0"),
    "blank lines": (b"", b"\r\n"),
}
"""What is sent first, and what then without end."""


class Endless:
    """Stands for a connected socket: it has as much as is asked for, and counts what it gave."""

    def __init__(self, start: bytes, rest: bytes, at_once: int = 1 << 30) -> None:
        self.ready, self.rest, self.at_once = start, rest, at_once
        self.given = self.reads = 0

    def recv(self, size: int) -> bytes:
        size = min(size, self.at_once)
        while len(self.ready) < size:
            self.ready += self.rest * (size // len(self.rest) + 1)
        octets, self.ready = self.ready[:size], self.ready[size:]
        self.given += len(octets)
        self.reads += 1
        return octets

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0


def read(sock: Any, seconds: float = 60.0) -> bytes:
    allowance = Allowance(MAX_BODY)
    incoming = Incoming(Wire(sock, Deadline.after(seconds), allowance), allowance)
    head = read_head(incoming)
    encoding = head.headers.get("content-encoding", "")
    return body.collect(read_body(head, incoming), encoding, MAX_BODY)


@pytest.mark.parametrize("kind", ENDLESS)
def test_nothing_is_read_without_end(kind: str) -> None:
    """Wherever an answer does not end, it is over after `max_body` + 64 KiB."""
    sock = Endless(*ENDLESS[kind])
    with pytest.raises(ExchangeFailed) as caught:
        read(sock)
    assert caught.value.reason in ("too_large", "protocol")
    assert sock.given <= MAX_BODY + AROUND


@pytest.mark.parametrize("kind", [kind for kind in ENDLESS if "body" not in kind and "chunk" not in kind])
def test_what_surrounds_a_body_is_bounded_apart(kind: str) -> None:
    """However large a body may be."""
    sock = Endless(*ENDLESS[kind])
    with pytest.raises(ExchangeFailed):
        read(sock)
    assert sock.given <= AROUND + (MAX_BODY if "gzip" in kind else 2)  # one has a body of 2


def test_chunks_of_one_octet_are_few() -> None:
    """Their framing is bounded, so that a document in ordinary chunks passes and this work does not."""
    sock = Endless(*ENDLESS["chunks of one octet"])
    with pytest.raises(ExchangeFailed, match="64 KiB outside its body"):
        read(sock)
    assert sock.given <= AROUND


def test_single_octets_take_few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 32 reads the pause before each grows: a thread woken for each octet keeps others waiting."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds))
    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(wire, "time", clock)
    sock = Endless(OK + b"\r\n", b" ", at_once=1)
    with pytest.raises(TimeoutError):
        read(sock, 0.3)
    assert 32 < sock.reads <= 32 + 8  # 10 ms + 20 ms + ... + 80 ms are more than 0.3 s


def test_a_whole_document_in_small_chunks_passes() -> None:
    """Of eight octets each."""
    document = b"x" * 40000
    coded = b"".join(b"8\r\n%b\r\n" % document[at : at + 8] for at in range(0, len(document), 8))
    assert read(Endless(CHUNKED + b"\r\n" + coded + b"0\r\n\r\n", b"?")) == document


def test_the_bound_of_a_body_is_all_its_own() -> None:
    """A document of exactly `max_body` comes whole, whatever surrounded it within its bounds."""
    head = OK + b"A: " + b"b" * 30000 + b"\r\nContent-Length: %d\r\n\r\n" % MAX_BODY
    assert len(read(Endless(b"HTTP/1.1 103 \r\nB: c\r\n\r\n" + head + b"x" * MAX_BODY, b"?"))) == MAX_BODY


@pytest.mark.parametrize(
    "kind", ["interim answers", "one header field", "an extension of a chunk", "trailers"]
)
def test_an_exchange_ends_long_before_its_deadline(serve: Serve, kind: str) -> None:
    """Over a real socket, of which the server sees the end."""
    start, rest = ENDLESS[kind]
    sent = []

    def answer(sock: socket.socket) -> None:
        sock.sendall(start)
        for _ in range(4096):
            sock.sendall(rest * (16384 // len(rest)))
            sent.append(1)

    server = serve(answer)
    with pytest.raises(ExchangeFailed) as caught:
        DefaultTransport().get(Request(server.url, connect_timeout=60, timeout=60))
    assert caught.value.reason == "too_large"
    assert server.saw_close.wait(20)
    assert len(sent) < 4096


def test_a_server_that_answers_before_it_has_read_is_heard(serve: Serve) -> None:
    """It may close at once: what it said is read though the request could not be sent whole."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 431 Too Large\r\nContent-Length: 2\r\n\r\n{}")

    server = serve(answer, greedy=False)
    transport = DefaultTransport()
    request = Request(server.url, {"x-long": "x" * 60000}, connect_timeout=60, timeout=60)
    assert transport.get(request).status == 431


def test_what_cannot_be_sent_is_told_by_reading() -> None:
    """A connection that the other end has closed is read to its end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"why")
        theirs.close()
        told = Wire(ours, Deadline.after(60), Allowance(10))
        told.write(b"x")
        with suppress(ConnectionError):
            assert (told.read(), told.read()) == (b"why", b"")

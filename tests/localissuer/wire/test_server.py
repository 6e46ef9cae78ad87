"""The local issuer's socket: it answers as HTTP has it, takes a crowd, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import gc
import http.client
import os
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from rightkey.localissuer.answers import Answer, Delivery, Request
from rightkey.localissuer.wire.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HANG, DRIP = Delivery(ending="hang"), Delivery(drip="body", every=0.05)


class Scripted:
    """Gives one answer to all, and remembers the requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Request] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, asked: Request) -> Answer:
        self.asked.append(asked)
        self.arrived.release()
        return self.answer


@pytest.fixture
def scripted() -> Scripted:
    return Scripted(Answer(200, {"content-type": "application/json"}, b"{}"))


@pytest.fixture
def server(scripted: Scripted) -> Iterator[Server]:
    server = Server(scripted)
    yield server
    server.close()


def raw(server: Server, octets: bytes) -> bytes:
    """What comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(octets)
        return b"".join(iter(lambda: client.recv(65536), b""))


def ours(before: Iterable[threading.Thread] = ()) -> list[threading.Thread]:
    """The threads of servers. Those of before are of others, which may be about to end."""
    threads = [thread for thread in threading.enumerate() if thread.name == "rightkey-localissuer"]
    return [thread for thread in threads if thread not in before]


def test_an_answer_on_the_wire(server: Server) -> None:
    """Status line, headers, the right length, and the connection ends."""
    assert raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    )


def test_head_has_the_headers_alone(server: Server) -> None:
    """Content-Length is that of the GET (RFC 9110, section 9.3.2)."""
    answer = raw(server, b"HEAD / HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_the_request_is_read_whole(server: Server, scripted: Scripted) -> None:
    """Method, target, lower-case headers and body reach the issuer."""
    raw(server, b"POST /token?x=1 HTTP/1.1\r\nX-One: 1\r\nContent-Length: 3\r\n\r\na=b")
    headers = {"host": "", "x-one": "1", "content-length": "3"}
    assert scripted.asked == [Request("POST", "/token?x=1", headers, b"a=b")]


@pytest.mark.parametrize(
    "octets",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_not_answered(server: Server, scripted: Scripted, octets: bytes) -> None:
    """The connection ends, quietly or by RST where octets are left unread; the next one is served."""
    with contextlib.suppress(ConnectionResetError):
        assert raw(server, octets) == b""
    assert scripted.asked == []
    assert raw(server, b"GET / HTTP/1.1\r\n\r\n")


def test_other_machines_cannot_reach_it(server: Server) -> None:
    """It listens on 127.0.0.1, and no other address of this machine."""
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", server.port), timeout=1):
        pass


@pytest.mark.slow
def test_two_hundred_at_once() -> None:
    """All are in the server at the same moment, and all are answered."""
    together = threading.Barrier(200, timeout=60)

    def respond(_: Request) -> Answer:
        together.wait()
        return Answer(200, {}, b"{}")

    server = Server(respond)
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(raw, [server] * 200, [b"GET / HTTP/1.1\r\n\r\n"] * 200))
    server.close()
    assert {answer[-2:] for answer in answers} == {b"{}"}


@pytest.mark.parametrize("delivery", [HANG, DRIP, Delivery(delay=60), Delivery(drip="headers", every=60)])
def test_closing_ends_whatever_is_under_way(delivery: Delivery) -> None:
    """Hung, dripping and delayed clients are let go at once, and no thread is left."""
    scripted, before = Scripted(Answer(200, {}, b"x" * 10_000, delivery=delivery)), ours()
    server = Server(scripted)
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(20)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert scripted.arrived.acquire(timeout=60)
    server.close()
    assert ours(before) == []
    for client in clients:
        came = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                came += piece
        client.close()
        assert len(came.partition(b"\r\n\r\n")[2]) < 10_000  # none was waited for to the end


def test_closing_ends_those_who_have_not_asked_and_those_who_do_not_read() -> None:
    """An idle client, and one whose 64 MiB stand still, hold nothing up."""
    scripted, before = Scripted(Answer(200, {}, padding=64 * 1024 * 1024)), ours()
    server = Server(scripted)
    with (
        socket.create_connection(("127.0.0.1", server.port)),
        socket.create_connection(("127.0.0.1", server.port)) as stuck,
    ):
        stuck.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert scripted.arrived.acquire(timeout=60)
        server.close()
    assert ours(before) == []


def test_a_hung_thread_goes_with_its_client() -> None:
    """Clients that give up leave no thread waiting for the close."""
    scripted, before = Scripted(Answer(200, delivery=HANG)), ours()
    server = Server(scripted)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert scripted.arrived.acquire(timeout=60)
        hung = [thread for thread in ours(before) if thread is not server._accepting]
    assert len(hung) == 1
    for thread in hung:
        thread.join(60)
        assert not thread.is_alive()
    server.close()


def opened() -> Counter[str]:
    """What descriptors lead to, and how many to each. Others of this process may be closed meanwhile."""
    found = Counter[str]()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[os.readlink(f"/proc/self/fd/{name}")] += 1
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_nothing_is_left_open() -> None:
    """No descriptor is there that was not before, and closing twice is harmless."""
    gc.collect()
    before = opened()
    server = Server(Scripted(Answer(200, {}, b"{}")))
    raw(server, b"GET / HTTP/1.1\r\n\r\n")
    server.close()
    server.close()
    gc.collect()
    assert opened() - before == Counter()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_nothing_is_said_on_stderr(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Not for a request, nor for a client that leaves in the middle."""
    raw(server, b"GET / HTTP/1.1\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HT")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"{}"
    connection.close()
    assert capfd.readouterr() == ("", "")


def test_octets_leave_at_once(server: Server, scripted: Scripted) -> None:
    """Head and body are two writes. With Nagle's algorithm the second waits for an acknowledgement that a
    client delays by 40 ms, which it does over TLS."""
    scripted.answer = Answer(200, delivery=HANG)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert scripted.arrived.acquire(timeout=60)
        (connection,) = server._connections
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

"""HTTP/1.1 as proxies speak it, and as strangers do who reach the port: over a real socket, in one loop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from rightkey.gateway.decision import Answer, Case, Question, answered
from rightkey.gateway.peers import Peers
from rightkey.gateway.protocol import HEAD_SECONDS, IDLE_SECONDS, MAX_HEAD, MAX_HEADERS, Connection, Site

PATIENCE = 60.0
LOOPS = [asyncio.new_event_loop]
with suppress(ModuleNotFoundError):
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


class Reading:
    """Reads questions for a site, and answers them by a function."""

    def __init__(self, answer: Callable[[Question], Answer | Awaitable[Answer]], lasts: bool = False) -> None:
        self.answer, self.lasts, self.read = answer, lasts, list[Question]()

    def __call__(self, question: Question) -> Case:
        self.read.append(question)
        return Read(self, question)


class Read:
    """A question that was read."""

    def __init__(self, reading: Reading, question: Question) -> None:
        self.reading, self.question = reading, question

    @property
    def lasts(self) -> bool:
        return self.reading.lasts

    def __call__(self) -> Answer | Awaitable[Answer]:
        return self.reading.answer(self.question)


def echo(question: Question) -> Answer:
    """Names what was asked."""
    said = f"{question.method} {question.target} {question.fields}"
    return answered(200, "ok", [("Said", said)], b"body")


async def _slowly(question: Question) -> Answer:
    await asyncio.sleep(0.01)
    return echo(question)


def some_slowly(question: Question) -> Answer | Awaitable[Answer]:
    """Those with `slow` in their target."""
    return _slowly(question) if "slow" in question.target else echo(question)


async def _fails(question: Question) -> Answer:
    await asyncio.sleep(0)
    raise RuntimeError("a secret")


def fails(question: Question) -> Answer | Awaitable[Answer]:
    """At once, or later."""
    if "slow" in question.target:
        return _fails(question)
    raise RuntimeError("a secret")


class Served:
    """The one connection of a site, and how much has come over it."""

    def __init__(self, site: Site) -> None:
        self.site, self.came, self.made = site, 0, list[Connection]()

    def connection(self) -> Connection:
        one = self.site.connection()
        feed = one.data_received

        def received(data: bytes) -> None:
            self.came += len(data)
            feed(data)

        one.data_received = received  # type: ignore[method-assign]
        self.made.append(one)
        return one

    async def until(self, came: int) -> None:
        """Wait until so much has come, or nothing more is read."""
        while not self.made or not hasattr(self.made[0], "transport"):
            await asyncio.sleep(0.001)
        while self.came < came and not self.made[0]._ended:
            await asyncio.sleep(0.001)

    async def until_answered(self) -> None:
        """Wait until nothing of what has come waits for its answer."""
        while self.made[0]._task is not None and self.site.connections:
            await asyncio.sleep(0.001)


@pytest.fixture(params=LOOPS, ids=lambda loop: loop.__module__)
def talk(request: pytest.FixtureRequest) -> Callable[..., tuple[bytes, Site]]:
    """Sends pieces over one connection, and is what was answered until the end of it."""

    def talked(
        *pieces: bytes,
        answer: Any = some_slowly,
        read: Any = None,
        peers: Peers | None = None,
        meanwhile: Callable[[Site], None] = lambda site: None,
        end: bool = True,
    ) -> tuple[bytes, Site]:
        async def main() -> tuple[bytes, Site]:
            site = Site(read or Reading(answer), frozenset(("host", "authorization")), peers)
            served = Served(site)
            server = await asyncio.get_running_loop().create_server(served.connection, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=10**7)
            await served.until(0)
            for number, piece in enumerate(pieces):
                writer.write(piece)
                with suppress(ConnectionError):
                    await writer.drain()
                await served.until(sum(map(len, pieces[: number + 1])))
            meanwhile(site)
            if end:
                await served.until_answered()
                with suppress(OSError):
                    writer.write_eof()
            got = b""
            with suppress(ConnectionError):
                got = await reader.read()
            writer.close()
            server.close()
            while site.connections:
                await asyncio.sleep(0.001)
            return got, site

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(main(), PATIENCE))

    return talked


async def come(true: Callable[[], bool]) -> None:
    """Wait until something has come about."""
    while not true():
        await asyncio.sleep(0.001)


GET = b"GET /%d HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nOther: y\r\n\r\n"


def statuses(octets: bytes) -> list[int]:
    return [int(part[:3]) for part in octets.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.slow
def test_questions_are_answered_in_order(talk: Any) -> None:
    """On one connection, whether they come together, in pieces, or while one waits for keys."""
    slow = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    got, site = talk(GET % 1 + slow + GET % 2, *[bytes([one]) for one in GET % 3], slow + slow + GET % 4)
    assert [part.split()[1] for part in got.split(b"Said: ")[1:]] == [
        *(b"/1", b"/slow", b"/2", b"/3", b"/slow", b"/slow", b"/4")
    ]
    assert b"GET /1 {'host': ['a'], 'authorization': ['x']}" in got
    assert site.connections == set()


def test_head_has_no_body_and_http_1_0_is_closed(talk: Any) -> None:
    """As nginx asks by default."""
    got, _ = talk(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert got.endswith(b"Content-Length: 4\r\n\r\n")
    got, _ = talk(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", end=False)
    assert b"Connection: close\r\n\r\nbody" in got
    got, _ = talk(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", end=False)
    assert b"Connection: close\r\n\r\nbody" in got


def test_upgrades_and_expectations_are_the_clients(talk: Any) -> None:
    """Caddy hands them on; the connection goes on after them."""
    upgrade = b"GET /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    expect = b"GET /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"
    connect = b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"
    got, _ = talk(upgrade + GET % 1 + upgrade, expect + connect, GET % 2)
    assert statuses(got) == [200] * 6
    assert b"CONNECT a:443" in got


@pytest.mark.parametrize(
    ("piece", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"NONSENSE / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + b"GET / HTTP/1.1\r\nContent-Length: 07\r\n\r\n",
            413,
        ),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
            + b"GET / HTTP/1.1\r\nA: %s\r\n\r\n" % (b"b" * (MAX_HEAD - 5)),
            431,
        ),
        (b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * (MAX_HEAD + 10**6), 431),
    ],
)
def test_what_is_no_question_ends_the_connection(talk: Any, piece: bytes, status: int) -> None:
    """With why, and nothing after it is read."""
    got, site = talk(piece + GET % 1, end=False)
    assert statuses(got)[-1:] in ([status], [])  # what is sent beyond the end may reset the connection first
    assert b"Said: GET" not in got
    assert site.connections == set()


def test_a_coded_body_is_refused_before_an_answer(talk: Any) -> None:
    """Also one that llhttp refuses only behind the head: there is one answer to one request."""
    got, _ = talk(b"POST / HTTP/1.1\r\nTransfer-Encoding: 0\r\n\r\n" + GET % 1, end=False)
    assert statuses(got) == [413]


def test_what_is_no_question_waits_for_its_turn(talk: Any) -> None:
    """Behind one that waits for keys."""
    got, _ = talk(b"GET /slow HTTP/1.1\r\n\r\n" + b"\0" + GET % 1, end=False)
    assert statuses(got) == [200, 400]


@pytest.mark.slow
def test_a_stranger_is_told_so(talk: Any) -> None:
    """Whatever they ask: a proxy's headers are believed from peers alone."""
    got, _ = talk(GET % 1 + GET % 2, peers=Peers((ipaddress.ip_network("10.0.0.0/8"),)))
    assert statuses(got) == [403, 403]
    assert b"peer_refused" in got
    got, _ = talk(GET % 1, peers=Peers((ipaddress.ip_network("127.0.0.0/8"),)))
    assert statuses(got) == [200]


def test_what_may_not_be_read_at_all_is_a_defect_too(talk: Any) -> None:
    """Wherever it is: one request is refused."""

    def fails_to_read(question: Question) -> Case:
        raise RuntimeError("a secret")

    got, _ = talk(GET % 1 + GET % 2, read=fails_to_read)
    assert statuses(got) == [500, 500]


def test_a_defect_refuses_and_ends_nothing(talk: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged by its kind; what it says may be anything."""
    got, _ = talk(GET % 1 + b"GET /slow HTTP/1.1\r\n\r\n" + GET % 2, answer=fails)
    assert statuses(got) == [500] * 3
    told = [record.getMessage() for record in caplog.records if record.name == "rightkey"]
    assert told == ["a defect of rightkey: RuntimeError"] * 3
    assert b"secret" not in got


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pieces", "seconds", "ended"),
    [
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX: ",), HEAD_SECONDS + 1, True),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX: ",), HEAD_SECONDS - 1, False),
        ((GET % 1,), HEAD_SECONDS + 1, False),
        ((GET % 1,), IDLE_SECONDS + 1, True),
        ((), IDLE_SECONDS + 1, True),
        ((b"\r\n", b"\r\n"), IDLE_SECONDS + 1, True),
    ],
)
def test_a_connection_ends_when_its_time_is_up(
    talk: Any, pieces: tuple[bytes, ...], seconds: float, ended: bool
) -> None:
    """A head that drips, and one that never comes. What a proxy keeps for its next request stays."""
    left = []

    def sweep(site: Site) -> None:
        site.sweep(seconds)
        left.extend(one.transport.is_closing() for one in site.connections)

    talk(*pieces, meanwhile=sweep)
    assert left == [ended]


def test_a_request_that_waits_for_keys_is_not_idle(talk: Any) -> None:
    """Its wait has an end of its own."""
    got, _ = talk(b"GET /slow HTTP/1.1\r\n\r\n", meanwhile=lambda site: site.sweep(10**6))
    assert statuses(got) == [200]


def test_a_connection_that_is_lost_waits_for_nothing(talk: Any) -> None:
    """A client that has gone is no reason to go on."""
    ended = []

    async def forever(question: Question) -> Answer:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(question.target)
        raise AssertionError

    def leave(site: Site) -> None:
        for one in site.connections:
            one.transport.abort()

    got, _ = talk(GET % 1, answer=forever, meanwhile=leave)
    assert (got, ended) == (b"", ["/1"])


@pytest.mark.slow
def test_answers_that_are_not_taken_stop_the_reading(talk: Any) -> None:
    """Until they are, or for so long: a reader that takes nothing may not fill the memory."""

    def large(question: Question) -> Answer:
        return answered(200, "ok", body=b"x" * 100_000)

    async def main() -> None:
        site = Site(Reading(large), frozenset())
        loop = asyncio.get_running_loop()
        server = await loop.create_server(site.connection, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as sock:
            sock.setblocking(False)
            await come(lambda: bool(site.connections))
            (connection,) = site.connections
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await loop.sock_sendall(sock, GET % 1 * 2000)
            await come(lambda: not connection.transport.is_reading())
            while not connection.transport.is_reading():
                with suppress(BlockingIOError):
                    sock.recv(10**6)
                await asyncio.sleep(0.001)
            sock.send(GET % 1 * 500)
            await come(lambda: not connection.transport.is_reading())
            site.sweep(HEAD_SECONDS + 1)
            await come(lambda: site.connections == set())
        server.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_while_it_drains_the_next_answer_is_the_last(talk: Any) -> None:
    """What is open is answered; idle connections are closed at the end."""

    def drain(site: Site) -> None:
        site.draining = True

    got, _ = talk(b"GET /slow HTTP/1.1\r\n\r\n", meanwhile=drain, end=False)
    assert b"Connection: close" in got
    got, _ = talk(GET % 1, meanwhile=lambda site: site.close(), end=False)
    assert statuses(got) == [200]


def test_an_answer_takes_from_its_octets_on(talk: Any) -> None:
    """With its wait, and that of what comes behind it; each with its code."""
    told, now = list[tuple[str, int]](), 0

    def tick() -> int:
        nonlocal now
        now += 5
        return now

    async def main() -> None:
        site = Site(Reading(some_slowly), frozenset(), told=lambda *one: told.append(one), clock=tick)
        server = await asyncio.get_running_loop().create_server(site.connection, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece, answers in ((GET % 1, 1), (b"GET /slow HTTP/1.1\r\n\r\n" + GET % 2, 3), (b"\0", 4)):
            writer.write(piece)
            await come(lambda answers=answers: len(told) == answers)
        await reader.read()
        writer.close()
        server.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert told == [("ok", 5), ("ok", 5), ("ok", 10), ("head_refused", 5)]

"""What is remembered of requests, and that no answer differs for it."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from itertools import product
from typing import Any

from tests.gateway.test_protocol import GET, Reading, echo, some_slowly, statuses

from rightkey import AsyncVerifier
from rightkey.gateway.decision import Answer, Case, Decision, Question
from rightkey.gateway.dialect import DIALECTS
from rightkey.gateway.heads import MAX_MISSED, MAX_ONCE, MAX_REMEMBERED, MAX_REMEMBERED_LENGTH, SAMPLE, Heads
from rightkey.gateway.identity import Identity
from rightkey.gateway.peers import Peers
from rightkey.gateway.protocol import Connection, Site
from rightkey.gateway.routes import Route, Routes
from rightkey.integrations.bearer import Bearer
from rightkey.localissuer import LocalIssuer

NAMES = frozenset(("host", "authorization"))


class Wire:
    """A transport that keeps what is written."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address, self.written, self.closed = address, b"", False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return self.address, 1

    def write(self, octets: bytes) -> None:
        self.written += octets

    def close(self) -> None:
        self.closed = True

    is_closing = pause_reading = resume_reading = lambda self: self.closed


def connected(site: Site, address: str = "127.0.0.1") -> tuple[Connection, Wire]:
    connection, wire = site.connection(), Wire(address)
    connection.connection_made(wire)
    return connection, wire


def case(question: Question) -> Case:
    return Reading(echo)(question)


def keep_twice(heads: Heads, head: bytes) -> None:
    for _ in range(2):
        heads.keep(head, ONE)


ONE = case(Question("GET", "/", {}))


def test_what_comes_again_is_read_twice_and_no_more() -> None:
    """On whatever connection; each time is answered anew."""
    count = 0

    def counted(question: Question) -> Answer:
        nonlocal count
        count += 1
        return echo(question)

    reading = Reading(counted, lasts=True)
    site = Site(reading, NAMES, heads=Heads())
    for _ in range(2):
        connection, wire = connected(site)
        for _ in range(5):
            connection.data_received(GET % 1)
        assert statuses(wire.written) == [200] * 5
        assert wire.written.count(b"GET /1 {'host': ['a'], 'authorization': ['x']}") == 5
    assert (len(reading.read), count) == (2, 10)


def test_what_is_refused_is_read_each_time() -> None:
    """Strangers and bad tokens take no place."""
    reading = Reading(echo, lasts=False)
    connection, _ = connected(Site(reading, NAMES, heads=Heads()))
    for _ in range(5):
        connection.data_received(GET % 1)
    assert len(reading.read) == 5


def test_a_stranger_does_not_ask_in_the_words_of_a_peer() -> None:
    """They may know them: whose connection it is counts first."""
    peers = Peers((ipaddress.ip_network("10.0.0.0/8"),))
    site = Site(Reading(echo, lasts=True), NAMES, peers, heads=Heads())
    connection, wire = connected(site, "10.0.0.1")
    for _ in range(3):
        connection.data_received(GET % 1)
    connection, stranger = connected(site, "127.0.0.1")
    connection.data_received(GET % 1)
    assert (statuses(wire.written), statuses(stranger.written)) == ([200] * 3, [403])


def test_while_it_drains_what_is_remembered_is_the_last_too() -> None:
    """As every other answer is."""
    site = Site(Reading(echo, lasts=True), NAMES, heads=Heads())
    connection, wire = connected(site)
    for _ in range(3):
        connection.data_received(GET % 1)
    site.draining = True
    connection.data_received(GET % 1)
    connection.data_received(GET % 1)
    assert statuses(wire.written) == [200] * 4
    assert wire.closed
    assert b"Connection: close" in wire.written


PIECES = (
    GET % 1,
    GET % 2,
    b"HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
    b"GET /1 HTTP/1.1\r\nHost: a\r\nHost: b\r\nExpect: 100-continue\r\n\r\n",
    b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /1 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    *(b"\r\n", b"\r", b"\n", b"\0", b"GET", b"GET /", b" / HTTP/1.1\r\n", b"Host: a\r\n\r\n", b"\r\n\r\n"),
)


PAIRS = tuple(b"".join(pair) for pair in product(PIECES, repeat=2))


def test_no_answer_differs_for_what_is_remembered() -> None:
    """Whatever came before on the connection, and in whatever pieces."""
    heads = Heads()
    plain, site = (Site(Reading(echo, lasts=True), NAMES, heads=each) for each in (None, heads))
    for piece in (*PIECES, *PAIRS) * 2:
        heads._missed = 0
        connected(site)[0].data_received(piece)
    for pieces in product((*PIECES, GET % 1 + b"\r"), (*PIECES, *PAIRS), (GET % 1, b"\n")):
        told = []
        for one in (plain, site):
            connection, wire = connected(one)
            for piece in pieces:
                heads._missed = 0
                connection.data_received(piece)
            told.append((wire.written, wire.closed))
        assert told[0] == told[1], pieces


def test_an_upgrade_is_read_each_time() -> None:
    """The parser has more to do there than to read a head."""
    reading = Reading(echo, lasts=True)
    connection, wire = connected(Site(reading, NAMES, heads=Heads()))
    for _ in range(4):
        connection.data_received(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert statuses(wire.written) == [200] * len(reading.read) == [200] * 4


def test_what_is_remembered_may_wait_for_keys() -> None:
    """What comes meanwhile is read as ever, and answered behind it."""
    slow = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"

    async def main() -> bytes:
        site = Site(Reading(some_slowly, lasts=True), NAMES, heads=Heads())
        for _ in range(2):
            connected(site)[0].data_received(GET % 3)
        connection, wire = connected(site)
        for piece in (slow, slow, slow + GET % 1, slow, GET % 2, GET % 2, slow):
            connection.data_received(piece)
            connection.data_received(GET % 3)
            while connection._task is not None:
                await asyncio.sleep(0.001)
        return wire.written

    targets = [part.split()[1].decode() for part in asyncio.run(main()).split(b"Said: ")[1:]]
    slowly = ["/slow", "/3"]
    assert targets == [*slowly * 2, "/slow", "/1", "/3", *slowly, "/2", "/3", "/2", "/3", *slowly]


def test_a_token_that_ends_is_refused_in_the_same_words() -> None:
    """The verdict is that of the moment, also where nothing is read."""
    issuer, now = LocalIssuer(algorithm="ES256"), time.time()
    means: dict[str, Any] = {"audience": issuer.audience, "transport": issuer.transport()}
    verifier = AsyncVerifier(issuer.url, clock=lambda: now, **means)
    asyncio.run(verifier.prepare())
    routes, identity = Routes([Route()]), Identity({"X-Auth-Subject": "sub"})
    decision = Decision(DIALECTS["envoy"], routes, verifier, Bearer(), identity)
    connection, wire = connected(Site(decision.read, decision.names, heads=Heads()))
    token = issuer.token(exp=int(now) + 60, sub="alice")
    head = f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    for later in (0, 0, 0, 0, 61, 61, 0, 0):
        now += later
        connection.data_received(head)
        now -= later
    verifier.distrust(issuer.current.kid)
    connection.data_received(head)
    assert statuses(wire.written) == [200] * 4 + [401] * 2 + [200] * 2 + [401]
    assert wire.written.count(b"X-Auth-Subject: alice\r\n") == 6


def test_long_heads_are_not_remembered() -> None:
    """They would take much room, and to compare them takes time."""
    heads = Heads()
    for length, found in ((MAX_REMEMBERED_LENGTH, ONE), (MAX_REMEMBERED_LENGTH + 1, None)):
        for _ in range(3):
            heads.keep(b"a" * length, ONE)
        assert heads.get(b"a" * length) is found


def test_heads_that_come_once_push_out_nothing() -> None:
    """However many there are; those that come twice push out what does not come again."""
    heads = Heads()
    keep_twice(heads, b"a")
    for number in range(MAX_ONCE + 10):
        heads.keep(b"%d" % number, ONE)
    assert heads.get(b"a") is ONE
    assert heads.get(b"5") is None
    assert len(heads._once) <= MAX_ONCE
    for number in range(2 * MAX_REMEMBERED):
        keep_twice(heads, b"b%d" % number)
    assert heads.get(b"a") is None
    assert len(heads._cases) <= MAX_REMEMBERED


def test_where_none_come_again_few_are_looked_for() -> None:
    """Until one is found. What is not looked for is not kept either."""
    heads = Heads()
    keep_twice(heads, b"a")
    for _ in range(MAX_MISSED):
        assert heads.get(b"other") is None
    assert [heads.get(b"a") for _ in range(SAMPLE - 1)] == [None] * (SAMPLE - 1)
    keep_twice(heads, b"b")
    assert heads.get(b"a") is ONE
    assert heads.get(b"b") is None
    keep_twice(heads, b"b")
    assert [heads.get(b"b") for _ in range(MAX_MISSED)] == [ONE] * MAX_MISSED

"""Protocol: HTTP/1.1 of a proxy, by llhttp (httptools). Questions come in, answers go out in their order.

What is left out of HTTP: bodies, which no proxy sends along, and upgrades, which are the client's business
with the service: Caddy hands on `Upgrade: websocket` and `Expect`, and both are answered like any request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from rightkey.gateway.decision import Answer, Case, Question, refused
from rightkey.gateway.heads import Heads
from rightkey.gateway.peers import Peers

MAX_HEAD = 64 * 1024
"""Bytes of a request's head."""
MAX_HEADERS = 100
"""Headers of one request."""
HEAD_SECONDS = 10.0
"""Seconds for one request's head to come, and for an answer to be taken."""
IDLE_SECONDS = 120.0
"""Seconds that a connection may be idle: nginx lets go at 60 and Go's clients at 90, and who lets go first
races the next request."""

LOG = logging.getLogger("rightkey")


class Site:
    """What the connections of one listener share.

    Args:
        read: reads a question: it is answered, or can be.
        names: the headers that count, in lower case.
        peers: who may ask; None for anyone.
        told: is called with the code of each answer, and the nanoseconds since its request came.
        heads: where requests are remembered as read; None where they are not.
        clock: nanoseconds that never go back; the process's own if None.
    """

    def __init__(
        self,
        read: Callable[[Question], Case | Answer],
        names: frozenset[str],
        peers: Peers | None = None,
        told: Callable[[str, int], None] = lambda code, took: None,
        heads: Heads | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.read, self.peers, self.told, self.heads = read, peers, told, heads
        self.clock = clock or time.perf_counter_ns
        self.names = {name.encode(): name for name in names} | dict.fromkeys(_OF_BODY, "")
        """The headers that are looked at, and what they are called: those of a body have no name."""
        self.connections: set[Connection] = set()
        self.draining = False
        self.now = 0.0
        """Seconds, by a clock that is looked at once a second: so exact times need not be."""

    def connection(self) -> Connection:
        """A new one, for `loop.create_server`."""
        return Connection(self)

    def sweep(self, now: float) -> None:
        """End the connections whose time is up."""
        self.now = now
        for connection in [*self.connections]:
            connection.expire(now)

    def close(self) -> None:
        """End all connections."""
        for connection in [*self.connections]:
            connection.transport.close()


class _Next(NamedTuple):
    """What stands in line, read or answered; and how the answer is sent."""

    case: Case | Answer
    close: bool
    bodiless: bool


class Connection(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport
    _last: Case | None
    """What was read last, if another may follow."""

    def __init__(self, site: Site) -> None:
        self._site, self._names = site, site.names
        self._parser = HttpRequestParser(self)
        self._waiting: deque[_Next] = deque()
        self._task: asyncio.Task[None] | None = None
        # No more is read; a head has begun; the proxy takes nothing now; it is one of the peers.
        self._ended = self._within = self._full = self._known = False
        # Since when that is so; octets since the last head ended, and since none was open; requests in these.
        self._since, self._came, self._most, self._count = site.now, 0, 0, 0
        self._target, self._headers = b"", list[tuple[bytes, bytes]]()
        self._last, self._began = None, 0

    # -- asyncio

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        peers = self._site.peers
        self._known = peers is None or peers.take(transport.get_extra_info("peername"))
        self._site.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._site.connections.discard(self)
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        site = self._site
        self._began, heads = site.clock(), site.heads
        if heads is None or not self._is_between:
            self._feed(data)
            return
        case = heads.get(data)
        if case is not None:
            self._take(case, close=False, bodiless=False)
            return
        self._count = 0
        self._feed(data)
        case = self._last
        if self._count == 1 and case is not None and case.lasts and self._is_between:
            heads.keep(data, case)

    @property
    def _is_between(self) -> bool:
        """Whether the next request may be read without the parser, which is as it was at the start."""
        return self._known and not self._within and not self._ended

    def _feed(self, data: bytes) -> None:
        self._came += len(data)
        self._most += len(data)
        while data and not self._ended:
            try:
                self._parser.feed_data(data)
                break
            except HttpParserUpgrade as upgrade:
                # It is answered; what follows is the next request, which a new parser must read.
                data = data[upgrade.args[0] :]
                self._parser, self._last = HttpRequestParser(self), None
            except HttpParserError:
                self._end(_UNREADABLE)
        if not self._within:
            self._most = 0
        elif self._came > MAX_HEAD:
            self._end(_LARGE)

    def pause_writing(self) -> None:
        self._full, self._since = True, self._site.now
        self._resume()

    def resume_writing(self) -> None:
        self._full = False
        self._resume()

    def expire(self, now: float) -> None:
        """End it where a request, or the next one, is too long in coming."""
        if self._task is not None and not self._full:
            return  # it waits for keys, which has an end of its own
        if now - self._since > (HEAD_SECONDS if self._within or self._full else IDLE_SECONDS):
            self.transport.abort()

    # -- httptools

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []
        self._within, self._since = True, self._site.now

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """It is all of the request, unless a body follows, which is refused."""
        self._within, self._came = False, 0
        if self._ended:
            return
        fields = self._fields()
        if isinstance(fields, Answer):
            self._end(fields)
            return
        parser = self._parser
        method = parser.get_method().decode("latin-1")
        persists = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        close = not persists or self._site.draining
        bodiless = method == "HEAD"
        case = self._read(Question(method, self._target.decode("latin-1"), fields))
        self._count += 1
        self._last = None if bodiless or isinstance(case, Answer) else case
        self._take(case, close, bodiless)

    def _fields(self) -> dict[str, list[str]] | Answer:
        """The headers that count; or why none do."""
        headers, names, fields = self._headers, self._names, dict[str, list[str]]()
        if len(headers) > MAX_HEADERS or (self._most > MAX_HEAD and self._size() > MAX_HEAD):
            return _LARGE
        for name, value in headers:
            named = names.get(name.lower())
            if named is None:
                continue
            if not named:
                if value.strip(b"0 \t") or name.lower() == _CODED:  # Envoy says that there are 0 bytes
                    return _BODY
            elif named in fields:
                fields[named].append(value.decode("latin-1"))
            else:
                fields[named] = [value.decode("latin-1")]
        return fields

    def _size(self) -> int:
        """Bytes of the head. To count them is needed only where as many may have come as are too many."""
        return len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    # -- answers

    def _end(self, answer: Answer) -> None:
        """Answer what is no question, and read nothing after it."""
        if not self._ended:
            self._take(answer, close=True, bodiless=False)

    def _read(self, question: Question) -> Case | Answer:
        if not self._known:
            return _STRANGER
        try:
            return self._site.read(question)
        except Exception as error:  # noqa: BLE001 - a defect refuses one request, and ends nothing
            return _defect(error)

    def _take(self, case: Case | Answer, close: bool, bodiless: bool) -> None:
        self._ended = close
        if self._task is not None:
            self._waiting.append(_Next(case, close, bodiless))
            return
        answer = _answer(case)
        if type(answer) is Answer:
            self._send(answer, close, bodiless)
            return
        waits = self._later(answer, _Next(case, close, bodiless))
        self._task = asyncio.get_running_loop().create_task(waits)
        self._resume()

    async def _later(self, answer: Answer | Awaitable[Answer], one: _Next) -> None:
        """Answer one question that waits, and those behind it."""
        while True:
            if not isinstance(answer, Answer):
                try:
                    answer = await answer
                except Exception as error:  # noqa: BLE001 - as above
                    answer = _defect(error)
            self._send(answer, one.close, one.bodiless)
            if not self._waiting:
                break
            one = self._waiting.popleft()
            answer = _answer(one.case)
        self._task = None
        self._resume()

    def _resume(self) -> None:
        """Read on, or not: what has come stands in line, and nothing more does until that is answered."""
        if self.transport.is_closing():
            return
        if self._full or self._task is not None:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _send(self, answer: Answer, close: bool, bodiless: bool) -> None:
        site = self._site
        self._since = site.now
        site.told(answer.code, site.clock() - self._began)
        close = close or (site.draining and not self._waiting)
        self.transport.write(answer.octets(close=close, bodiless=bodiless))
        if close:
            self._ended = True
            self.transport.close()


def _answer(case: Case | Answer) -> Answer | Awaitable[Answer]:
    if isinstance(case, Answer):
        return case
    try:
        return case()
    except Exception as error:  # noqa: BLE001 - as above
        return _defect(error)


def _defect(error: Exception) -> Answer:
    LOG.error("a defect of rightkey: %s", type(error).__name__)
    return refused(500, "defect", "a defect of the gateway")


_CODED = b"transfer-encoding"
_OF_BODY = (b"content-length", _CODED)
_UNREADABLE = refused(400, "head_refused", "the request cannot be read as HTTP/1.1")
_LARGE = refused(431, "head_refused", f"the head is over {MAX_HEAD} bytes or {MAX_HEADERS} headers")
_BODY = refused(413, "body_refused", "a body was announced: the proxy must send none along")
_STRANGER = refused(403, "peer_refused", "this address is not among the configured peers")

"""How an answer is read off a stream: HTTP/1.1 (RFC 9112), and of that what a document needs.

Read here and not by `http.client` or urllib3: they read interim answers and trailers without a bound, and a
chunk of one octet costs them several times as much of the interpreter's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightkey.exchange import ExchangeFailed

if TYPE_CHECKING:
    from rightkey.transport.allowance import Allowance
    from rightkey.transport.wire import Stream

_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9][0-9])( [^\r\0]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\0]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\0]*)?")
_LENGTH = re.compile(r"[0-9]{1,18}")

_SWITCHING = 101
_BODILESS = (204, 304)
_MOST = 1 << 16
_PRICE = 5
"""Octets that each chunk counts for beside its own: a chunk of one octet costs as much time as a long one."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the header fields of an answer: names in lower case, repeated fields joined."""

    status: int
    headers: Mapping[str, str]


@dataclass(slots=True)
class Incoming:
    """What a stream has brought, to be read by line or by number."""

    stream: Stream
    allowance: Allowance
    _held: bytes = b""
    _at: int = 0

    def line(self) -> bytes:
        """A line without its end, which may be LF alone (section 2.2).

        Raises:
            ConnectionResetError: the stream has ended, and nothing came.
            ExchangeFailed: `protocol`; it ended within the line.
        """
        while (end := self._held.find(b"\n", self._at)) < 0:
            if not self._more():
                raise (
                    _not_whole("the connection was closed within a line")
                    if self._held
                    else ConnectionResetError
                )
        line = self._held[self._at : end]
        self._at = end + 1
        return line.removesuffix(b"\r")

    def body(self, at_most: int) -> bytes:
        """Octets of the body, 1 to `at_most`; none where the stream has ended."""
        if self.empty and not self._more():
            return b""
        octets = self._held[self._at : self._at + at_most]
        self._at += len(octets)
        self.allowance.count_body(len(octets))
        return octets

    @property
    def empty(self) -> bool:
        """Whether all that has come was read."""
        return self._at == len(self._held)

    def _more(self) -> bool:
        octets = self.stream.read()
        self._held, self._at = self._held[self._at :] + octets, 0
        return bool(octets)


def read_head(incoming: Incoming) -> Head:
    """The head of the final answer; interim ones (1xx) are passed over (RFC 9110, section 15.2).

    Raises:
        ExchangeFailed: `protocol` or `too_large`; and what the stream raises.
    """
    while True:
        head = _read_section(incoming)
        if head.status == _SWITCHING:
            raise _improper("it switches to another protocol")
        if head.status >= 200:
            return head


def read_body(head: Head, incoming: Incoming) -> Iterator[bytes]:
    """The body as it comes, without its transfer coding (section 6.3).

    Raises:
        ExchangeFailed: `protocol` where it is not whole or not properly framed, `too_large`; and what the
            stream raises.
    """
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if head.status in _BODILESS:
        return iter(())
    if coding is None:
        return _to_the_end(incoming) if length is None else _of_length(_read_length(length), incoming)
    if coding.lower() != "chunked":
        raise _improper("it has a transfer coding that was not asked for")
    return _chunks(incoming)


def _read_section(incoming: Incoming) -> Head:
    incoming.allowance.count_line()
    status = _STATUS.fullmatch(incoming.line())
    if status is None:
        raise _improper("its first line is not a status line: does the port speak http?")
    fields: list[list[bytes]] = []
    for line in _lines(incoming):
        if fields and line[:1] in (b" ", b"\t"):  # folded: section 5.2
            fields[-1].append(line)
        else:
            fields.append([line])
    return Head(int(status[1]), _joined(fields))


def _lines(incoming: Incoming) -> Iterator[bytes]:
    """Lines up to the blank one that ends a section."""
    while line := incoming.line():
        incoming.allowance.count_line()
        yield line


def _joined(fields: list[list[bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for lines in fields:
        read = _FIELD.fullmatch(b" ".join(line.strip(b" \t") for line in lines))
        if read is None:
            raise _improper("one of its header fields is not a name, a colon and a value")
        name, value = (part.strip(b" \t").decode("latin-1") for part in read.groups())
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read_length(value: str) -> int:
    lengths = {one.strip() for one in value.split(",")}  # the same one several times counts once
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise _improper("its content-length is not one number")
    return int(length)


def _of_length(length: int, incoming: Incoming) -> Iterator[bytes]:
    left = length
    while left:
        octets = incoming.body(left)
        if not octets:
            raise _not_whole(f"{length - left} bytes of {length} came")
        left -= len(octets)
        yield octets


def _to_the_end(incoming: Incoming) -> Iterator[bytes]:
    while octets := incoming.body(_MOST):
        yield octets


def _chunks(incoming: Incoming) -> Iterator[bytes]:
    """Section 7.1; extensions and trailers are passed over."""
    try:
        while left := _chunk_size(incoming.line()):
            incoming.allowance.count_received(_PRICE)
            # As `_of_length`, but without another generator: a chunk of one octet takes half the time.
            while left:
                octets = incoming.body(left)
                if not octets:
                    raise _not_whole("the connection was closed within a chunk")
                left -= len(octets)
                yield octets
            if incoming.line():
                raise _improper("a chunk is longer than its size")
        for _ in _lines(incoming):
            pass
    except ConnectionResetError:
        raise _not_whole("the connection was closed between two chunks") from None


def _chunk_size(line: bytes) -> int:
    read = _CHUNK.fullmatch(line)
    if read is None:
        raise _improper("the size of a chunk is not a number")
    return int(read[1], 16)


def _not_whole(why: str) -> ExchangeFailed:
    return ExchangeFailed("protocol", f"the answer is not whole: {why}")


def _improper(why: str) -> ExchangeFailed:
    return ExchangeFailed("protocol", f"the answer is not proper http/1.1: {why}")

"""How octets come and go: every wait under one deadline, every octet counted.

A server may send little at a time, or without end, in any part of an answer. So both bounds stand here, where
octets enter, below TLS, a proxy's answer, the head and the body. The socket is a plain one, and whatever is
waited with is looked up when it is needed: gevent and eventlet may have replaced it, early or late.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rightkey.transport.allowance import Allowance
    from rightkey.transport.deadline import Deadline

SIZE = 32 * 1024
"""Octets to read at once."""

_FREELY = 32
_PAUSE = 0.01
"""After 32 reads, each is preceded by a pause in which the system gathers what comes: of 10 ms, then 20 ms,
30 ms and so on. Octets that come one by one would otherwise cost a thread's turn each, until the deadline; so
they cost some 60 turns in 4 s. A slow document loses none of its pace."""


class Stream(Protocol):
    """Octets in both directions: a socket's, or those inside of TLS."""

    def read(self) -> bytes:
        """The next octets; none where the other end has closed."""

    def write(self, octets: bytes, /) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Wire:
    """A connected socket with the bounds of one exchange."""

    sock: socket.socket
    deadline: Deadline
    allowance: Allowance
    _reads: int = field(default=0, init=False)

    def read(self) -> bytes:
        """The next octets; none where the other end has closed.

        Raises:
            TimeoutError: at the deadline.
            ExchangeFailed: `too_large`.
        """
        self._reads += 1
        if self._reads > _FREELY:
            time.sleep(min(_PAUSE * (self._reads - _FREELY), self.deadline.left()))
        at_most = min(SIZE, self.allowance.require_some())
        self.sock.settimeout(self.deadline.left())
        octets = self.sock.recv(at_most)
        self.allowance.count_received(len(octets))
        return octets

    def write(self, octets: bytes, /) -> None:
        """Raises TimeoutError at the deadline."""
        self.sock.settimeout(self.deadline.left())
        # A server that has closed may have said why: reading tells.
        with suppress(ConnectionError):
            self.sock.sendall(octets)

    def close(self) -> None:
        self.sock.close()

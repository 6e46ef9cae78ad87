"""How the issuer is reached: a loopback socket, one thread per connection, and every fault on the wire.

It binds 127.0.0.1 by default, answers one request per connection, and writes nothing to stderr. Closing it
ends every exchange that hangs or drips, and waits until its threads and sockets are gone.
"""

from __future__ import annotations

import contextlib
import http.client
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

from rightkey.localissuer.answers import Answer, Request, oauth_error
from rightkey.localissuer.wire.reading import BadRequest, read_request

_BACKLOG = 1024
_IDLE = 30.0  # seconds a client may take to send its request
_CLOSING = 5.0  # seconds to wait for the threads
_FAREWELL = 1.0  # seconds a TLS client may take to close
_SPACES = b" " * 65536

Respond = Callable[[Request], Answer]


class Server:
    """Serves from its creation until `close`.

    Args:
        respond: gives the answer to a request.
        host: an address of this machine.
        port: where to listen; 0 takes any free port.
        tls: serve https with this, in place of http.

    Raises:
        OSError: the address cannot be bound.
    """

    def __init__(
        self, respond: Respond, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._respond, self._tls = respond, tls
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._waker, self._woken = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]
        self._accepting = _thread(self._accept)
        self._accepting.start()

    def close(self) -> None:
        """Stop listening, end every exchange, leave nothing behind. Closing twice is harmless."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._waker.send(b"x")
        self._accepting.join()
        for each in (self._listener, self._waker, self._woken):
            each.close()
        self._end_connections()

    def _end_connections(self) -> None:
        with self._lock:
            open_now = dict(self._connections)
        for connection in open_now:
            with contextlib.suppress(OSError):  # it has just closed itself
                # wakes a thread that reads or writes, which close would not, nor the shutdown of TLS
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        deadline = time.monotonic() + _CLOSING
        for thread in open_now.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while selector.select() and not self._closing.is_set():
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            connection = self._connection()
        except OSError:  # the client left, or no descriptor is free: others may still be served
            self._closing.wait(0.01)
            return
        thread = _thread(self._serve, connection)
        with self._lock:
            self._connections[connection] = thread
        thread.start()

    def _connection(self) -> socket.socket:
        connection, _ = self._listener.accept()
        # head and body are two writes: without this the second waits for a delayed acknowledgement, 40 ms
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return connection
        try:  # the handshake comes with the first octets read, on a thread of its own
            return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        except OSError:
            connection.close()
            raise

    def _serve(self, connection: socket.socket) -> None:
        # an OSError says that the client has gone or that we are closing: no client is left
        try:
            with contextlib.suppress(OSError), connection:
                self._exchange(connection)
        finally:
            with self._lock:
                del self._connections[connection]

    def _exchange(self, connection: socket.socket) -> None:
        connection.settimeout(_IDLE)
        try:
            request = read_request(connection)
        except BadRequest as error:
            self._deliver(connection, oauth_error(400, "invalid_request", why=str(error)))
            return
        if request is not None:
            self._deliver(connection, self._respond(request), with_body=request.method != "HEAD")

    def _deliver(self, connection: socket.socket, answer: Answer, *, with_body: bool = True) -> None:
        connection.settimeout(None)
        _Wire(connection, self._closing).deliver(answer, with_body)


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=target, args=arguments, daemon=True, name="rightkey-localissuer")


def head(answer: Answer) -> bytes:
    """Status line and headers."""
    reason = http.client.responses.get(answer.status, "Unknown")
    lines = [f"{name.title()}: {value}" for name, value in answer.sent_headers.items()]
    return "\r\n".join([f"HTTP/1.1 {answer.status} {reason}", *lines, "", ""]).encode("latin-1")


class _Wire:
    """Sends one answer as its delivery says."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection, self._closing = connection, closing

    def deliver(self, answer: Answer, with_body: bool) -> None:
        delivery = answer.delivery
        if self._closing.wait(delivery.delay):
            return
        if delivery.ending == "hang":
            self._hang()
        elif delivery.ending == "reset":
            self._reset()
        else:
            self._send(head(answer), delivery.every if delivery.drip == "headers" else 0.0)
            if with_body:
                self._send_body(answer, delivery.every if delivery.drip == "body" else 0.0)
            self._end()

    def _end(self) -> None:
        """End the answer, over TLS by its alert: without it clients suspect a truncation."""
        if isinstance(self._connection, ssl.SSLSocket):
            self._connection.settimeout(_FAREWELL)
            self._connection.unwrap()
        else:
            self._connection.shutdown(socket.SHUT_WR)

    def _hang(self) -> None:
        # reading ends when the client gives up or when close shuts the socket: no thread outlives its client
        while self._connection.recv(1024):
            pass

    def _reset(self) -> None:
        linger_no_time = struct.pack("ii", 1, 0)  # closing then sends RST in place of FIN
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)

    def _send_body(self, answer: Answer, every: float) -> None:
        for begin in range(0, answer.padding, len(_SPACES)):
            self._connection.sendall(_SPACES[: answer.padding - begin])
        truncated = answer.delivery.ending == "truncated"
        self._send(answer.body[: len(answer.body) // 2] if truncated else answer.body, every)

    def _send(self, octets: bytes, every: float) -> None:
        if not every:
            self._connection.sendall(octets)
            return
        for octet in octets:
            if self._closing.wait(every):
                return
            self._connection.sendall(bytes((octet,)))

"""How a connection is had: looked up, connected, tunnelled and encrypted, every wait under one deadline.

urllib3's timeouts, and those of sockets, begin anew with every read: a server that drips its headers holds
a thread for as long as it likes. So the sockets themselves know the deadline, and set what is left of it
before each wait: status line, headers, body, CONNECT and handshake all end at the same moment, without a
thread that watches. Only the look-up of a name cannot be cut short; it is noticed late.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a look-up loads it otherwise, on the thread of the first fetch
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.util import Url

from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import is_loopback
from rightkey.transport.failure import failure

if TYPE_CHECKING:
    from rightkey.transport.address import Address
    from rightkey.transport.deadline import Deadline
    from rightkey.transport.proxy import Proxy

_Socket = TypeVar("_Socket", bound=socket.socket)

Found: TypeAlias = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` finds: the last of each is the address to dial."""

LookUp: TypeAlias = Callable[[str, int], Found]


@dataclass(frozen=True, slots=True)
class Route:
    """How an address is reached, and which headers a transport adds there.

    `look_up` is asked once an exchange, and what it gives is what is dialled: so it may judge as well.
    """

    address: Address
    look_up: LookUp
    proxy: Proxy | None = None
    ca_file: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Connection(HTTPSConnection):
    """https, over a socket that we have dialled."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


class PlainConnection(HTTPConnection):
    """http, over a socket that we have dialled."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


def connect(route: Route, connecting: Deadline, whole: Deadline) -> Connection | PlainConnection:
    """An open connection, ready for a request.

    Raises:
        ExchangeFailed: and whatever sockets, TLS and urllib3 raise, for `failure` to tell.
    """
    connection, proxy = _unconnected(route, whole), route.proxy
    connection.dial = partial(_dial, route, connecting, whole)
    try:
        connection.connect()
    except BaseException as error:
        connection.close()
        if proxy and isinstance(error, Exception) and not isinstance(error, (TimeoutError, ssl.SSLError)):
            raise _proxy_failure(error, proxy) from error
        raise
    return connection


def _unconnected(route: Route, whole: Deadline) -> Connection | PlainConnection:
    address, proxy = route.address, route.proxy
    if address.scheme == "http":
        return PlainConnection(address.host, address.port)
    context = _trust(route.ca_file)
    context.sslsocket_class = _bound(TimedTLS, whole)
    if proxy is None:
        return Connection(address.host, address.port, ssl_context=context)
    connection = Connection(
        proxy.host,
        proxy.port,
        ssl_context=context,
        proxy=Url(proxy.scheme, host=proxy.host, port=proxy.port),
        proxy_config=ProxyConfig(context, False, None, None),
    )
    connection.set_tunnel(address.host, address.port, headers=proxy.headers, scheme=proxy.scheme)
    return connection


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Built for each exchange: it takes some 30 ms every few minutes, and sees a CA that was replaced."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ExchangeFailed("tls", f"no certificates can be read from the ca file {ca_file}") from error


def _dial(route: Route, connecting: Deadline, whole: Deadline) -> socket.socket:
    towards = route.proxy or route.address
    host = towards.host
    try:
        found = route.look_up(host, towards.port)
        return _first_connected(found, connecting, _bound(Timed, whole))
    except TimeoutError as error:
        raise ExchangeFailed(
            "timeout", f"no connection with {host} within {connecting.seconds:g} s"
        ) from error
    except OSError as error:
        raise failure(error, host, whole.seconds) from error


def look_up(host: str, port: int) -> Found:
    """All addresses of a host. Raises ExchangeFailed: `dns`; or what sockets raise."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:
        raise ExchangeFailed("dns", f"{host} is not a host name: a label is empty or too long") from error


def look_up_loopback(host: str, port: int) -> Found:
    """The same, for plain http. Raises ExchangeFailed: `address`, where one is not of this machine."""
    found = look_up(host, port)
    # A hosts file may say anything of localhost, and plain http must not leave this machine.
    if not all(is_loopback(str(where[0])) for *_, where in found):
        raise ExchangeFailed(
            "address", f"http to {host} is refused: the name leads elsewhere than to loopback"
        )
    return found


def _first_connected(found: Found, connecting: Deadline, kind: type[Timed]) -> socket.socket:
    """Addresses in turn, each with its share of the time left: a silent one leaves some for the next."""
    for remaining in range(len(found), 0, -1):
        family, type_, protocol, _, where = found[-remaining]
        share = connecting.left() / remaining
        try:
            return _connected(kind(family, type_, protocol), where, share)
        except OSError:
            if remaining == 1:
                raise
    raise OSError("no address")  # pragma: no cover  (getaddrinfo raises where it finds none)


def _connected(sock: Timed, where: Any, seconds: float) -> Timed:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock


def _proxy_failure(error: Exception, proxy: Proxy) -> ExchangeFailed:
    if isinstance(error, ExchangeFailed):
        return error if error.reason in ("timeout", "tls") else ExchangeFailed("proxy", f"proxy: {error}")
    # http.client says it in words alone: "Tunnel connection failed: 407 Proxy Authentication Required".
    status = str(error).removeprefix("Tunnel connection failed: ")[:3]
    if not status.isdigit():
        return ExchangeFailed("proxy", f"the proxy {proxy} gave no connection ({type(error).__name__})")
    hint = ": check the user name and password of the proxy's url" if status == "407" else ""
    return ExchangeFailed("proxy", f"the proxy {proxy} answered CONNECT with {status}{hint}")


def _bound(kind: type[_Socket], deadline: Deadline) -> type[_Socket]:
    """The kind of socket for one exchange: `ssl` makes its sockets from a class, so a class carries it."""
    return type(kind.__name__, (kind,), {"deadline": deadline})


class Timed(socket.socket):
    """A socket on which no wait outlasts the deadline.

    `settimeout` bounds a single call, however little comes in; so each call gets what is left.
    """

    deadline: ClassVar[Deadline]

    def recv(self, *args: Any, **options: Any) -> bytes:
        self.settimeout(self.deadline.left())
        return super().recv(*args, **options)

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(self.deadline.left())
        return super().recv_into(*args, **options)

    def send(self, *args: Any, **options: Any) -> int:
        self.settimeout(self.deadline.left())
        return super().send(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        self.settimeout(self.deadline.left())
        return super().sendall(*args, **options)


class TimedTLS(Timed, ssl.SSLSocket):
    """The same over TLS. A handshake is one call for OpenSSL, with one bound, whatever is dripped to it."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(self.deadline.left())
        super().do_handshake(block)

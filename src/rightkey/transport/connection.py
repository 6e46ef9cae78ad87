"""How an address is reached: looked up, connected, tunnelled and encrypted, all within one deadline.

Only the look-up of a name cannot be cut short; that it took too long is noticed when it is over.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a look-up loads it otherwise, on the thread of the first fetch
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import is_loopback
from rightkey.transport.answer import Incoming, read_head
from rightkey.transport.failure import failure
from rightkey.transport.request import written
from rightkey.transport.tls import SYSTEM, Encrypted, TlsSettings, context_for
from rightkey.transport.wire import Stream, Wire

if TYPE_CHECKING:
    from rightkey.transport.address import Address
    from rightkey.transport.allowance import Allowance
    from rightkey.transport.deadline import Deadline
    from rightkey.transport.proxy import Proxy

Found: TypeAlias = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` finds: the last of each is the address to dial."""

LookUp: TypeAlias = Callable[[str, int], Found]
_SHARING = 3
"""Addresses among which the time to connect is shared at first."""


@dataclass(frozen=True, slots=True)
class Route:
    """How an address is reached, and which headers a transport adds there.

    `look_up` is asked once an exchange, and what it gives is what is dialled: so it may judge as well.
    `tls` is for the address, `of_proxy` for a proxy that is reached by https.
    """

    address: Address
    look_up: LookUp
    tls: TlsSettings = SYSTEM
    proxy: Proxy | None = None
    of_proxy: TlsSettings = SYSTEM
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def connect(route: Route, connecting: Deadline, whole: Deadline, allowance: Allowance) -> Stream:
    """An open stream, ready for a request.

    Raises:
        ExchangeFailed: and whatever sockets and TLS raise, for `failure` to tell.
    """
    context = context_for(route.tls) if route.address.scheme == "https" else None
    with _told_of(route.proxy, whole):
        stream: Stream = Wire(_dial(route, connecting, whole), whole, allowance)
    try:
        if route.proxy is not None:
            with _told_of(route.proxy, whole):
                stream = _tunnel(stream, route, route.proxy, allowance)
        return stream if context is None else Encrypted.within(stream, context, route.address.host)
    except BaseException:
        stream.close()
        raise


def _tunnel(stream: Stream, route: Route, proxy: Proxy, allowance: Allowance) -> Stream:
    """The stream, which leads to the address from now on (RFC 9110, section 9.3.6)."""
    if proxy.scheme == "https":
        stream = Encrypted.within(stream, context_for(route.of_proxy), proxy.host)
    where = route.address.with_port
    stream.write(written("CONNECT", where, {"Host": where} | proxy.headers))
    incoming = Incoming(stream, allowance)
    status = read_head(incoming).status
    if not 200 <= status < 300:
        hint = ": check the user name and password of the proxy's url" if status == 407 else ""
        raise ExchangeFailed("proxy", f"it answered CONNECT with {status}{hint}")
    if not incoming.empty:
        raise ExchangeFailed("proxy", "it sent more than its answer to CONNECT")
    return stream


@contextmanager
def _told_of(proxy: Proxy | None, whole: Deadline) -> Iterator[None]:
    """What fails on the way to a proxy, and at it, is told as the proxy's failure."""
    try:
        yield
    except (ExchangeFailed, OSError) as error:
        if proxy is None:
            raise
        told = error if isinstance(error, ExchangeFailed) else failure(error, str(proxy), whole.seconds)
        reason = told.reason if told.reason in ("timeout", "tls", "too_large") else "proxy"
        raise ExchangeFailed(reason, f"the proxy {proxy} opened no tunnel: {told}") from error


def _dial(route: Route, connecting: Deadline, whole: Deadline) -> socket.socket:
    towards = route.proxy or route.address
    host = towards.host
    try:
        return _first_connected(route.look_up(host, towards.port), connecting)
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
    """The same, for plain http to this machine.

    Raises:
        ExchangeFailed: `address`, where one of them is another machine's.
    """
    found = look_up(host, port)
    # A hosts file may say anything of localhost, and plain http must not leave this machine.
    if not all(is_loopback(str(where[0])) for *_, where in found):
        raise ExchangeFailed("address", f"http to {host} is refused: the name does not lead to loopback")
    return found


def _first_connected(found: Found, connecting: Deadline) -> socket.socket:
    """The first address that answers: one after another, so that a silent one leaves time for the next."""
    for remaining, (family, type_, protocol, _, where) in _in_turn(found):
        share = _share(connecting.left(), remaining)
        try:
            return _connected(socket.socket(family, type_, protocol), where, share)
        except OSError:
            if remaining == 1:
                raise
    raise OSError("no address")  # pragma: no cover  (getaddrinfo raises where it finds none)


def _in_turn(found: Found) -> Iterator[tuple[int, Any]]:
    """Addresses of the two families by turns (RFC 8305, section 4), since one family as a whole may lead
    nowhere; each with how many are left."""
    first = [one for one in found if one[0] == found[0][0]]
    other = [one for one in found if one[0] != found[0][0]]
    mixed = [one for pair in zip_longest(first, other) for one in pair if one is not None]
    return zip(range(len(mixed), 0, -1), mixed, strict=True)


def _share(left: float, remaining: int) -> float:
    """Seconds for one of the addresses that remain. The first ones have most: if sixteen had an eighth of a
    second each, a host on another continent could be reached by none."""
    return left / min(remaining, _SHARING)


def _connected(sock: socket.socket, where: Any, seconds: float) -> socket.socket:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock

"""How a document is fetched: one connection, one deadline, one answer.

The same for every transport that dials itself. They differ in how an address is reached.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport import body
from rightkey.transport.address import read_address
from rightkey.transport.allowance import Allowance
from rightkey.transport.answer import Incoming, read_body, read_head
from rightkey.transport.connection import connect
from rightkey.transport.deadline import Deadline
from rightkey.transport.failure import failure
from rightkey.transport.request import written
from rightkey.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rightkey.transport.address import Address
    from rightkey.transport.connection import Route


def fetch(
    request: Request,
    route_to: Callable[[Address], Route],
    plain_http: Collection[str] = (),
    method: str = "GET",
) -> Response:
    """Any answer, of any status, that came whole within the request's bounds.

    Args:
        request: what is asked.
        route_to: how its address is reached; may refuse to, by ExchangeFailed.
        plain_http: hosts beyond loopback that may be asked without TLS.
        method: `POST` sends the request's body.

    Raises:
        ExchangeFailed: nothing else leaves.
    """
    address = read_address(request.url, plain_http)
    try:
        return _exchange(method, request, route_to(address))
    except ExchangeFailed:
        raise
    except Exception as error:
        raise failure(error, address.host, request.timeout) from error


def _exchange(method: str, request: Request, route: Route) -> Response:
    whole = Deadline.after(request.timeout)
    connecting = Deadline.after(min(request.connect_timeout, request.timeout))
    allowance = Allowance(request.max_body)
    body_sent = request.body if method == "POST" else b""
    asked = written(method, route.address.target, _headers(method, request, route)) + body_sent
    # A connection for each exchange: there is one every few minutes, and what is not kept cannot go
    # stale, be shared with a forked child, or be left open.
    with closing(connect(route, connecting, whole, allowance)) as stream:
        stream.write(asked)
        incoming = Incoming(stream, allowance)
        head = read_head(incoming)
        encoding = head.headers.get("content-encoding", "")
        return Response(
            head.status,
            head.headers,
            body.collect(read_body(head, incoming), encoding, request.max_body),
        )


def _headers(method: str, request: Request, route: Route) -> dict[str, str]:
    asked = {name.title(): value for name, value in request.headers.items()}
    if method == "POST":
        asked["Content-Length"] = str(len(request.body))
    ours = {"User-Agent": f"rightkey/{__version__}", "Accept-Encoding": body.ACCEPTED, "Connection": "close"}
    shown = dict(route.headers)
    if "Authorization" in asked:  # it authenticates by itself: nothing is put in place of that
        shown = {name: value for name, value in shown.items() if name.title() != "Authorization"}
    return {"Host": route.address.authority} | asked | ours | shown

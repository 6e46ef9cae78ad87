"""How the issuer is reached without a socket: a transport that answers at once, from the same code.

Nothing waits here. A delivery that would take longer than the request's timeout fails as timed out; a
shorter one arrives at once.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rightkey import exchange
from rightkey.exchange import ExchangeFailed, Response
from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.wire.server import head

if TYPE_CHECKING:
    from collections.abc import Callable


class InProcess:
    """A transport to one issuer; any other host refuses the connection."""

    def __init__(self, respond: Callable[[Request], Answer], origin: Callable[[], str]) -> None:
        self._respond, self._origin = respond, origin

    def get(self, request: exchange.Request, /) -> Response:
        return self._answered("GET", request)

    def post(self, request: exchange.Request, /) -> Response:
        return self._answered("POST", request)

    def _answered(self, method: str, request: exchange.Request) -> Response:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self._origin():
            raise ExchangeFailed("refused", f"only {self._origin()} can be reached in process")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"host": parts.netloc} | {name.lower(): value for name, value in request.headers.items()}
        answer = self._respond(Request(method, target, headers, request.body))
        _travel(answer, request)
        return Response(answer.status, answer.sent_headers, _body(answer, request.max_body))


def _travel(answer: Answer, request: exchange.Request) -> None:
    """Fail as the wire would have failed."""
    if answer.delivery.ending == "hang" or _seconds(answer) >= request.timeout:
        raise ExchangeFailed("timeout", f"no whole answer within {request.timeout} s")
    if answer.delivery.ending == "reset":
        raise ExchangeFailed("reset", "the connection was reset")
    if answer.delivery.ending == "truncated":
        raise ExchangeFailed("protocol", f"the body ended before its {answer.length} octets")


def _seconds(answer: Answer) -> float:
    octets = {"nothing": 0, "headers": len(head(answer)), "body": len(answer.body)}
    return answer.delivery.delay + octets[answer.delivery.drip] * answer.delivery.every


def _body(answer: Answer, most: int) -> bytes:
    body = answer.body
    if answer.headers.get("content-encoding") == "gzip":
        body = zlib.decompressobj(wbits=31).decompress(body, most + 1)
    if answer.padding + len(body) > most:
        raise ExchangeFailed("too_large", f"the body is over {most} octets")
    return b" " * answer.padding + body

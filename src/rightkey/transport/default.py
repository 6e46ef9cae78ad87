"""How a document is fetched when nobody says otherwise: one connection, one deadline, one answer."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightkey import __version__
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.transport import body
from rightkey.transport.address import Address, read_address
from rightkey.transport.connection import connect
from rightkey.transport.deadline import Deadline
from rightkey.transport.failure import failure
from rightkey.transport.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse


@dataclass(frozen=True, slots=True)
class DefaultTransport:
    """Fetches over https, or over http from loopback; it follows no redirects, and keeps no cookies.

    Certificates are always verified. Equal settings make equal transports, which share what they fetched.

    Args:
        ca_file: a PEM file with the certificates to trust *instead of* the system's, so that no public
            authority can vouch for a private issuer. None trusts the system's.
        user_agent: what to call ourselves; `rightkey/<version>` if None.
        trust_env: whether to go through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the
            system's settings, name. Loopback is never proxied.
    """

    ca_file: str | None = None
    user_agent: str | None = None
    trust_env: bool = True

    def get(self, request: Request, /) -> Response:
        """Any answer, of any status, that came whole within the request's bounds.

        Every wait ends at the request's deadline, but for the look-up of a name, which no system lets us
        cut short. Where a body's length is not stated, its end is where the connection was closed.

        Raises:
            ExchangeFailed: `address`, `dns`, `refused`, `unreachable`, `proxy`, `tls`, `timeout`, `reset`,
                `protocol` or `too_large`. Nothing else leaves.
        """
        address = read_address(request.url)
        try:
            return self._exchange(address, request)
        except ExchangeFailed:
            raise
        except Exception as error:
            raise failure(error, address.host, request.timeout) from error

    def _exchange(self, address: Address, request: Request) -> Response:
        whole = Deadline.after(request.timeout)
        connecting = Deadline.after(min(request.connect_timeout, request.timeout))
        proxy = proxy_for(address) if self.trust_env else None
        # A connection for each exchange: there is one every few minutes, and what is not kept cannot go
        # stale, be shared with a forked child, or be left open.
        with closing(connect(address, proxy, self.ca_file, connecting, whole)) as connection:
            headers = self._headers(request.headers)
            connection.request("GET", address.target, headers=headers, preload_content=False)
            with closing(connection.getresponse()) as response:
                return _read(response, request.max_body)

    def _headers(self, asked: Mapping[str, str]) -> dict[str, str]:
        return {name.title(): value for name, value in asked.items()} | {
            "User-Agent": self.user_agent or f"rightkey/{__version__}",
            "Accept-Encoding": body.ACCEPTED,
            "Connection": "close",
        }


def _read(response: BaseHTTPResponse, max_body: int) -> Response:
    headers = {name.lower(): response.headers[name] for name in response.headers}
    chunks = response.stream(body.CHUNK, decode_content=False)
    return Response(
        response.status, headers, body.collect(chunks, headers.get("content-encoding", ""), max_body)
    )

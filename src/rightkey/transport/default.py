"""How a document is fetched when nobody says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightkey.transport.connection import Route, look_up, look_up_loopback
from rightkey.transport.fetch import fetch
from rightkey.transport.proxy import proxy_for

if TYPE_CHECKING:
    from rightkey.exchange import Request, Response
    from rightkey.transport.address import Address
    from rightkey.transport.credentials import Credentials


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
        credentials: what one origin is shown, and no other.
    """

    ca_file: str | None = None
    user_agent: str | None = None
    trust_env: bool = True
    credentials: Credentials | None = None

    def get(self, request: Request, /) -> Response:
        """Any answer, of any status, that came whole within the request's bounds.

        Every wait ends at the request's deadline, but for the look-up of a name, which no system lets us
        cut short. Where a body's length is not stated, its end is where the connection was closed.

        Raises:
            ExchangeFailed: `address`, `credentials`, `dns`, `refused`, `unreachable`, `proxy`, `tls`,
                `timeout`, `reset`, `protocol` or `too_large`. Nothing else leaves.
        """
        return fetch(request, self._route)

    def _route(self, address: Address) -> Route:
        ca_file, headers = self._shown(address)
        return Route(
            address,
            look_up_loopback if address.scheme == "http" else look_up,
            proxy_for(address) if self.trust_env else None,
            ca_file,
            headers | ({"User-Agent": self.user_agent} if self.user_agent else {}),
        )

    def _shown(self, address: Address) -> tuple[str | None, dict[str, str]]:
        """Whom to believe there and what to show: what the credentials say counts for their origin alone."""
        if self.credentials is None or not self.credentials.are_for(address):
            return self.ca_file, {}
        return self.credentials.ca_file or self.ca_file, self.credentials.headers()

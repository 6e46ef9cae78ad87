"""How a document is fetched from an issuer that others configure, such as the customers of a service.

Anyone who can choose an issuer can make this machine send requests into its own network: to a cloud's
metadata, a database, an admin page (server-side request forgery). So only public addresses are dialled, and
what is judged is what is dialled: a name that leads elsewhere when looked up again gains nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed
from rightkey.policy.named import settings_by_name
from rightkey.transport.connection import Found, LookUp, Route, look_up
from rightkey.transport.fetch import fetch
from rightkey.transport.filename import require_names
from rightkey.transport.public import Network, permitted
from rightkey.transport.request import require_user_agent
from rightkey.transport.tls import TlsSettings

if TYPE_CHECKING:
    from rightkey.exchange import Request, Response
    from rightkey.transport.address import Address


@settings_by_name
@dataclass(frozen=True, slots=True)
class GuardedTransport:
    """Fetches over https from public addresses alone. It uses no proxy, follows no redirects, and keeps no
    cookies.

    Every address that a name leads to must be public, and one of those judged is dialled, without another
    look-up. An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is
    judged by that. Equal settings make equal transports, which share what they fetched.

    Args:
        also: networks (`ipaddress.ip_network`) that may be reached though they are not public. Anyone who
            can choose an issuer reaches all that is in them.
        ports: the only ports to dial.
        ca_file: a PEM file with the certificates to trust *instead of* the system's.
        user_agent: what to call ourselves; `rightkey/<version>` if None.

    Raises:
        Misconfigured: one of them is not as described.
    """

    also: Collection[IPv4Network | IPv6Network] = ()
    ports: Collection[int] = (443,)
    ca_file: str | None = None
    user_agent: str | None = None

    def __post_init__(self) -> None:
        require_names(ca_file=self.ca_file)
        require_user_agent(self.user_agent)
        # As tuples, since what one process shares is found by the transport's hash.
        object.__setattr__(self, "also", _all_of(self.also, (IPv4Network, IPv6Network), "also", "networks"))
        object.__setattr__(self, "ports", _all_of(self.ports, (int,), "ports", "numbers"))
        if not self.ports or not all(type(one) is int and 0 < one < 65536 for one in self.ports):
            raise Misconfigured("ports must hold at least one, each from 1 to 65535", hint="such as (443,)")

    def get(self, request: Request, /) -> Response:
        """Any answer, of any status, that came whole within the request's bounds.

        Raises:
            ExchangeFailed: the reasons of `DefaultTransport.get`; `address` for all that is refused here,
                in words that name the host and not where it leads.
        """
        return fetch(request, self._route)

    def post(self, request: Request, /) -> Response:
        """The same by POST, with the request's body. Raises as `get`."""
        return fetch(request, self._route, method="POST")

    def _route(self, address: Address) -> Route:
        if address.scheme != "https":
            raise ExchangeFailed("address", f"http to {address.host} is refused: only https is supported")
        if address.port not in self.ports:
            raise ExchangeFailed(
                "address", f"port {address.port} of {address.host} is not among those allowed"
            )
        headers = {"User-Agent": self.user_agent} if self.user_agent else {}
        return Route(address, judged(look_up, self.also), TlsSettings(self.ca_file), headers=headers)


def judged(look_up: LookUp, also: Collection[Network]) -> LookUp:
    """A look-up whose every find is public or in these networks.

    It raises ExchangeFailed: `address`, where any is not: a name that mixes them may be an attack.
    """

    def look_up_and_judge(host: str, port: int) -> Found:
        found = look_up(host, port)
        if not all(permitted(ip_address(where[0]), also) for *_, where in found):
            raise ExchangeFailed("address", f"{host} is refused: it leads to an address that is not public")
        return found

    return look_up_and_judge


def _all_of(given: object, kinds: tuple[type, ...], name: str, what: str) -> tuple[object, ...]:
    things = tuple(given) if isinstance(given, Collection) else (None,)
    if not all(isinstance(one, kinds) for one in things):
        raise Misconfigured(f"{name} must be a collection of {what}")
    return things

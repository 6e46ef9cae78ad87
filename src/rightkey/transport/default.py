"""How a document is fetched by default."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rightkey.errors import Misconfigured, flag
from rightkey.policy.named import settings_by_name
from rightkey.transport.address import read_plain_http
from rightkey.transport.connection import Route, look_up, look_up_loopback
from rightkey.transport.fetch import fetch
from rightkey.transport.filename import require_names
from rightkey.transport.proxy import proxy_for
from rightkey.transport.request import require_user_agent
from rightkey.transport.tls import TlsSettings

if TYPE_CHECKING:
    from rightkey.exchange import Request, Response
    from rightkey.transport.address import Address
    from rightkey.transport.credentials import Credentials


@settings_by_name
@dataclass(frozen=True, slots=True)
class DefaultTransport:
    """Fetches over https, or over http from loopback; it follows no redirects, and keeps no cookies.

    Certificates are always verified. Equal settings make equal transports, which share what they fetched.

    Args:
        ca_file: a PEM file with the certificates to trust *instead of* the system's, so that no public
            authority can vouch for a private issuer. None trusts the system's, or what `SSL_CERT_FILE` and
            `SSL_CERT_DIR` name.
        user_agent: what to call ourselves; `rightkey/<version>` if None.
        trust_env: whether to go through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the
            system's settings, name. Loopback is never proxied, nor is plain http.
        credentials: what one origin is shown, and no other.
        plain_http: names of hosts that may be asked by http, such as `keycloak` in a compose file. Anyone on
            the way there can read the request and replace the keys. A host counts exactly as it is written
            in the URL that is fetched; there are no wildcards, and hosts of known providers are refused.
        truststore: whether to trust the authorities of the operating system itself (Keychain, Windows'
            certificate store), by the package `truststore`.
        strict_x509: whether certificates must keep to RFC 5280 in full, where Python asks for that (3.13 and
            newer). False takes authorities whose certificates lack a key identifier, for example.

    Raises:
        Misconfigured: one of them is not as described, or both `ca_file` and `truststore` are given.
    """

    ca_file: str | None = None
    user_agent: str | None = None
    trust_env: bool = True
    credentials: Credentials | None = None
    plain_http: Collection[str] = ()
    truststore: bool = False
    strict_x509: bool = True

    def __post_init__(self) -> None:
        require_names(ca_file=self.ca_file)
        require_user_agent(self.user_agent)
        if self.credentials is not None:
            _require_credentials(self.credentials)
        for name in ("trust_env", "truststore", "strict_x509"):
            flag(name, getattr(self, name))
        if self.ca_file is not None and self.truststore:
            raise Misconfigured(
                "ca_file and truststore cannot both be given: each is trusted instead of others"
            )
        # As a tuple, since what one process shares is found by the transport's hash.
        object.__setattr__(self, "plain_http", read_plain_http(self.plain_http))

    def get(self, request: Request, /) -> Response:
        """Any answer, of any status, that came whole within the request's bounds.

        Every wait ends at the request's deadline, but for the look-up of a name, which no system lets us
        cut short. Where a body's length is not stated, its end is where the connection was closed.

        Raises:
            ExchangeFailed: `address`, `credentials`, `dns`, `refused`, `unreachable`, `proxy`, `tls`,
                `timeout`, `reset`, `protocol` or `too_large`. Nothing else leaves.
        """
        return fetch(request, self._route, self.plain_http)

    def post(self, request: Request, /) -> Response:
        """The same by POST, with the request's body. Raises as `get`."""
        return fetch(request, self._route, self.plain_http, "POST")

    def _route(self, address: Address) -> Route:
        named = self._own_headers()
        tls = TlsSettings(self.ca_file, self.truststore, self.strict_x509)
        theirs = tls
        if self.credentials is not None and self.credentials.are_for(address):
            theirs, shown = _with(self.credentials, tls), self.credentials.shown()
            named = shown | named
        return Route(
            address,
            look_up_loopback if address.scheme == "http" and address.loopback else look_up,
            theirs,
            proxy_for(address) if self.trust_env else None,
            tls,
            named,
        )

    def _own_headers(self) -> dict[str, str]:
        return {"User-Agent": self.user_agent} if self.user_agent else {}


def _require_credentials(credentials: object) -> None:
    """Raises Misconfigured where it is something else, which is not quoted: it may be the secret itself."""
    from rightkey.transport.credentials import Credentials  # few transports have any

    if not isinstance(credentials, Credentials):
        raise Misconfigured(
            f"credentials must be a Credentials, not {type(credentials).__name__}",
            hint='such as rightkey.transport.Credentials("https://issuer.example", token_file="...")',
        )


def _with(credentials: Credentials, tls: TlsSettings) -> TlsSettings:
    """Whom to believe at the origin of the credentials, and what to show there."""
    shown = replace(tls, certificate_file=credentials.certificate_file, key_file=credentials.key_file)
    return (
        shown
        if credentials.ca_file is None
        else replace(shown, ca_file=credentials.ca_file, truststore=False)
    )

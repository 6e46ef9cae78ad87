"""Where a request's client certificate is: in the server's own TLS, or in a header that a proxy sets.

Anyone can write a header. So a header is believed only under the name that was configured, in one form, and
from the addresses of the proxies that overwrite it; from others it is ignored. The binding needs the
certificate alone (RFC 8705, section 3): whether its chain is verified is the TLS server's affair.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

from rightkey.errors import Misconfigured, RequestMalformed, quoted
from rightkey.integrations.carriers import Headers

MAX_CERTIFICATE = 16 * 1024
"""Characters of a header that holds a client certificate."""
UNIX = "unix"
"""Among the addresses of proxies: a Unix socket, whose other end has none."""
Network: TypeAlias = "IPv4Network | IPv6Network"


class Connection(NamedTuple):
    """What a server knows of a connection, beside what the request says."""

    peer: str | None
    """The address of the other end; None for a Unix socket."""
    certificate: str | bytes | None = None
    """The client certificate of the server's own TLS, as PEM or DER."""


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """Where the certificate is. Made by `from_tls` and `from_header`."""

    header: str | None = None
    form: str = ""
    proxies: tuple[Network | str, ...] = ()

    def read(self, headers: Headers, connection: Connection) -> bytes | None:
        """The certificate as DER; None where there is none, or it is not to be believed.

        Raises:
            RequestMalformed: `request_malformed`: a proxy's header is there twice, or cannot be read.
        """
        try:
            return _of_server(connection) if self.header is None else self._shown(headers, connection)
        except ValueError:
            raise RequestMalformed(
                "request_malformed", f"what {self.header or 'TLS'} has is not one client certificate"
            ) from None

    def _shown(self, headers: Headers, connection: Connection) -> bytes | None:
        values = [value.strip(" \t") for name, value in headers if name.lower() == self.header]
        if not any(values) or not self._believes(connection.peer):
            return None
        if len(values) > 1 or len(values[0]) > MAX_CERTIFICATE:
            raise ValueError("several, or too long")
        return FORMS[self.form](values[0])

    def _believes(self, peer: str | None) -> bool:
        if not peer:
            return UNIX in self.proxies
        try:
            address: Any = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(not isinstance(one, str) and address in one for one in self.proxies)


def _of_server(connection: Connection) -> bytes | None:
    found = connection.certificate
    return _of_pem(found) if isinstance(found, str) else found


def from_tls() -> CertificateSource:
    """The certificate that the client has shown to this server: of ASGI's TLS extension, `SSL_CLIENT_CERT`
    of a WSGI environ, or aiohttp's connection. Few servers pass it on yet."""
    return CertificateSource()


def from_header(name: str, *, form: str, proxies: Collection[str]) -> CertificateSource:
    """The certificate that the client has shown to a proxy.

    Args:
        name: of the header that the proxy sets, and takes away from what clients send.
        form: how the proxy writes it, one of `FORMS`.
        proxies: their addresses or networks, or `unix`: those of the connections that come here.

    Raises:
        Misconfigured: any of them is not as described.
    """
    if not _is_name(name):
        raise Misconfigured(f"{quoted(name)} is not the name of a header")
    if form not in [*FORMS]:
        raise Misconfigured(f"form must be one of {', '.join(FORMS)}, not {quoted(form)}")
    if not _is_list(proxies):
        raise Misconfigured("proxies must be a list of addresses or networks", hint='such as ["10.0.0.0/8"]')
    return CertificateSource(name.lower(), form, tuple(map(_proxy, proxies)))


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9-]+", name) is not None


def _is_list(given: Any) -> bool:
    return isinstance(given, Iterable) and not isinstance(given, str) and bool(given)


def _proxy(said: Any) -> Network | str:
    return UNIX if said == UNIX else network(said)


def network(said: Any) -> Network:
    """The network that a text names. Raises Misconfigured."""
    around = None
    with suppress(ValueError):  # which quotes the text: nothing is raised while it is being handled
        around = ip_network(said, strict=False)
        return ip_network(said)
    if around is not None:
        raise Misconfigured(f"{quoted(said)} has host bits set", hint=f"the network is {around}")
    raise Misconfigured(f"{quoted(said)} is neither an address nor a network", hint="such as 10.0.0.0/8")


_PAIR = r"""[A-Za-z]+=(?:"(?:\\.|[^"\\])*"|[^",;\\]*)"""
"""A name and its value; where that is in quotes, nothing follows them."""
_PAIRS = rf"{_PAIR}(?:[;,][ \t]*{_PAIR})*"
_PEM = r"-----BEGIN CERTIFICATE-----\s*([A-Za-z0-9+/][A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----\s*"


def _of_bytes(value: str) -> bytes:
    """RFC 9440, section 2.1: a byte sequence of RFC 8941, which may lack its padding (section 4.2.7). Raises
    ValueError."""
    inner = re.fullmatch(r":([A-Za-z0-9+/]+)(={0,2}):", value)
    if inner is None:
        raise ValueError("not a byte sequence")
    letters, padding = inner.groups()
    return base64.b64decode(letters + (padding or "=" * (-len(letters) % 4)), validate=True)


def _of_escaped(value: str) -> bytes:
    """What nginx calls `$ssl_client_escaped_cert`: PEM, percent-encoded, in which `+` stands for itself.
    Raises ValueError."""
    return _of_pem(unquote(value, errors="strict"))


def _of_pem(text: str) -> bytes:
    """The first of the certificates is the client's, and the others are its chain. Raises ValueError: also
    where there is more, such as a comma, by which WSGI servers join a header that came twice."""
    inner = re.fullmatch(rf"\s*{_PEM}(?:{_PEM})*", text)
    if inner is None:
        raise ValueError("not certificates as PEM")
    return base64.b64decode("".join(inner[1].split()), validate=True)


def _of_xfcc(value: str) -> bytes:
    """Envoy's `X-Forwarded-Client-Cert`: of its elements the last is the nearest proxy's; others may be
    anyone's. Raises ValueError: it cannot be read, or has no `Cert`."""
    if re.fullmatch(_PAIRS, value) is None:  # an open quote would swallow the last element
        raise ValueError("not a list of elements")
    last: list[str] = []
    for mark, pair in re.findall(rf"(^|[;,])[ \t]*({_PAIR})", value):
        last = [*last, pair] if mark == ";" else [pair]
    found = [pair[5:].strip('"') for pair in last if pair[:5].lower() == "cert="]
    if len(found) != 1:
        raise ValueError("not one Cert")
    return _of_escaped(found[0])


FORMS: dict[str, Callable[[str], bytes]] = {"rfc9440": _of_bytes, "nginx": _of_escaped, "xfcc": _of_xfcc}
"""How proxies write a certificate: RFC 9440's `Client-Cert`, as HAProxy and others do; nginx's
`$ssl_client_escaped_cert`, also AWS's load balancers; Envoy's `X-Forwarded-Client-Cert` with `cert: true`."""

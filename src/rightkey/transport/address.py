"""Which URLs may be fetched at all, judged before a socket is opened.

The rule is the issuer's own: https, or http where the host is loopback by its spelling or named in
`plain_http`, and nothing that two parsers could read in two ways. The caller has judged the URL already; this
is the last line of defence, and it is the same for every transport.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import is_loopback, url_fault
from rightkey.issuer.providers import is_known_host

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be fetched. `host` has no brackets, `target` is what the request line names."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def with_port(self) -> str:
        """Host and port, as `CONNECT` names them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """What the `Host` header says: the port where it is not the scheme's own (RFC 9110, section 7.2)."""
        return self.with_port.removesuffix(f":{_PORTS[self.scheme]}")


def read_address(url: str, plain_http: Collection[str] = ()) -> Address:
    """The address that a URL names.

    Args:
        url: one that was configured, or that an issuer's document names.
        plain_http: hosts beyond loopback that may be asked without TLS.

    Raises:
        ExchangeFailed: `address`; the URL is malformed or may not be fetched. The message quotes none of
            it: what is refused may hold a password.
    """
    fault = url_fault(url, plain_http)
    if fault:
        raise ExchangeFailed("address", f"the url is refused: {fault}")
    split = urlsplit(url)
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    port = _PORTS[split.scheme] if split.port is None else split.port
    return Address(split.scheme, split.hostname or "", port, target)


def read_plain_http(given: object) -> tuple[str, ...]:
    """The hosts that may be asked by http, in lower case and in order.

    Raises:
        Misconfigured: not a collection of host names or addresses, a wildcard, or a known provider's host.
            Nothing is quoted that is not a host: what is refused may hold a password.
    """
    if isinstance(given, (str, bytes)) or not isinstance(given, Collection):
        raise Misconfigured('plain_http must be a collection of host names, such as ["keycloak"]')
    return tuple(sorted({_read_host(one) for one in given}))


_FLAGS = frozenset(("true", "false", "yes", "no", "on", "off", "none", "null", "1", "0"))
"""What is given where a switch is expected: it would be a host that nothing is fetched from."""


def _read_host(host: object) -> str:
    bare = host.strip("[]").lower() if isinstance(host, str) else ""
    url = f"http://[{bare}]/" if ":" in bare else f"http://{bare}/"
    if url_fault(url, (bare,)) is not None or urlsplit(url).hostname != bare or bare in _FLAGS:
        raise Misconfigured(
            "plain_http must hold exact host names, without scheme, port, path or wildcard",
            hint='plain_http=["keycloak"] is for http://keycloak:8080/realms/x',
        )
    if is_known_host(bare):
        raise Misconfigured(f"plain_http cannot name {bare}: its provider serves https")
    return bare

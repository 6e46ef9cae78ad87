"""Which URLs may be fetched at all, judged before a socket is opened.

The rule is the issuer's own: https, or http where the host is loopback by its spelling, and nothing that
two parsers could read in two ways. Whoever asks has judged the URL already; this is the last line of
defence, and it is the same for every transport.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import is_loopback, url_fault

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


def read_address(url: str) -> Address:
    """The address that a URL names.

    Raises:
        ExchangeFailed: `address`; the URL is malformed or may not be fetched. The message quotes none of
            it: what is refused may hold a password.
    """
    fault = url_fault(url)
    if fault:
        raise ExchangeFailed("address", f"the url is refused: {fault}")
    split = urlsplit(url)
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    port = _PORTS[split.scheme] if split.port is None else split.port
    return Address(split.scheme, split.hostname or "", port, target)

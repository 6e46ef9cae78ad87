"""Which proxy a request goes through, as the environment or the system's settings say."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from rightkey.errors import may_be_key
from rightkey.exchange import ExchangeFailed
from rightkey.issuer.name import url_fault

if TYPE_CHECKING:
    from rightkey.transport.address import Address

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is asked to CONNECT. `headers` holds its credentials, and is kept out of `repr`."""

    scheme: str
    host: str
    port: int
    headers: dict[str, str] = field(repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxy_for(address: Address) -> Proxy | None:
    """The proxy for an address (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), or None.

    `NO_PROXY` names hosts, domains (`.corp` or `*.corp`), and networks such as `10.0.0.0/8` for hosts that
    are given as addresses, with commas or spaces between. Loopback is never proxied, nor is plain http: so a
    proxy only ever sees CONNECT.

    Raises:
        ExchangeFailed: `proxy`; the setting cannot be used.
    """
    if address.loopback or address.scheme == "http" or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    proxies = getproxies()
    if any(_names(one, address) for one in re.split(r"[\s,]+", proxies.get("no", ""))):
        return None
    url = proxies.get("https") or proxies.get("all")
    return _read_proxy(url) if url else None


def _names(entry: str, address: Address) -> bool:
    """Whether an entry of `NO_PROXY` names a host, in one of the forms that tools take and the standard
    library does not: `*` among others, `*.domain`, a dot at the end, an IPv6 address in brackets, a network.
    """
    for one in (entry, entry.removesuffix(f":{address.port}")):
        name = re.sub(r"[][]", "", one.lower())
        domain = name.removeprefix("*").strip(".")
        if (
            name == "*"
            or (domain and f".{address.host}".endswith(f".{domain}"))
            or _holds(name, address.host)
        ):
            return True
    return False


def _holds(network: str, host: str) -> bool:
    """Whether a host is an address in a network. Names are not looked up for it."""
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:  # one of them is a name
        return False


def _read_proxy(url: str) -> Proxy:
    split = _split(url if "://" in url else f"http://{url}")
    # Raised here and not while a parser's error is being handled: that one quotes the URL, password and all.
    if split is not None and split.scheme.startswith("socks"):
        raise _unusable("socks is not supported, only http and https are: name the issuer's host in NO_PROXY")
    if split is None or split.scheme not in _PORTS or not _is_host(split.netloc.rpartition("@")[2]):
        raise _unusable("HTTPS_PROXY must be http://host:port or https://host:port")
    return Proxy(split.scheme, split.hostname or "", split.port or _PORTS[split.scheme], _headers(split))


def _is_host(authority: str) -> bool:
    """Whether it is a host, with or without a port; else it may be anything, and is not told of."""
    if url_fault(f"https://{authority.lower()}") is not None:
        return False
    return authority.startswith("[") or not may_be_key(authority)  # an IPv6 address is not one


def _unusable(why: str) -> ExchangeFailed:
    return ExchangeFailed(
        "proxy", f"the proxy of the environment cannot be used: {why}, or set trust_env=False"
    )


def _split(url: str) -> SplitResult | None:
    try:
        split = urlsplit(url.strip())
        split.port  # noqa: B018  (reading it is what checks it)
    except ValueError:
        return None
    return split


def _headers(split: SplitResult) -> dict[str, str]:
    if split.username is None:
        return {}
    pair = f"{unquote(split.username)}:{unquote(split.password or '')}"  # RFC 7617, section 2
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode('ascii')}"}

"""An issuer: a domain or URL, how it is compared, and where its metadata is.

- A full URL is an exact issuer: compared letter by letter (OpenID Connect Discovery 1.0, section 4.3).
- A bare domain names no exact issuer: `https://domain` and `https://domain/` both pass, until the
  metadata states which of the two it is.
- https always, but http where the host of the URL is loopback, or named in `plain_http`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from rightkey.errors import Misconfigured

if TYPE_CHECKING:
    from rightkey.issuer.providers import Known

AUTO = "auto"
"""The provider is told by the issuer's URL."""
_OPENID = "/.well-known/openid-configuration"
_OAUTH = "/.well-known/oauth-authorization-server"
_TRIPLET = "%([0-9A-Fa-f]{2})"
_ASCII = "".join(map(chr, range(128)))
_PORTS = {"https": 443, "http": 80}
_PRINTABLE = r"[!-~]+"
_SHORTENED = r"(.*\.)?(localhost|localdomain|[0-9]+|0x[0-9a-f]*)"
_DOMAIN = r"(?!-)[^\s/:?#@\[\]]+\.[^\s/:?#@\[\]]+(:[0-9]+)?(/[^?#]*)?"  # a name with a dot is one of a host
_AUTHORITY = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer, as the user named it.

    `name` is what was given, `spellings` are the URLs that it stands for, `known` is what its provider does
    beyond the standards, `plain_http` the hosts beyond loopback that may be asked without TLS.
    """

    name: str
    spellings: tuple[str, ...]
    known: Known | None = None
    plain_http: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, provider: str | None = AUTO, plain_http: Collection[str] = ()) -> Issuer:
        """Read a domain (`tenant.eu.auth0.com`) or a URL (`https://issuer.example/tenant`).

        Args:
            name: the domain or URL.
            provider: whose it is: `auto`, a name of `rightkey.providers`, or None for whoever's.
            plain_http: hosts, beyond loopback, that the transport may ask by http.

        Raises:
            Misconfigured: not a domain or URL, plain http to a host that is not among those, a user name,
                query or fragment in it, or not of that provider.
        """
        from rightkey.issuer.providers import (  # with the first issuer, not with Verifier
            of_resource,
            recognise,
        )

        if not isinstance(name, str):
            raise Misconfigured(f"an issuer is a domain or a URL, not {type(name).__name__}")
        if provider is not None and name.startswith("arn:"):
            known = of_resource(name)
            if known is not None:
                return cls(name, (name,), known)
        url = name if "://" in name else f"https://{name}"
        fault = url_fault(url, plain_http)
        if fault:
            raise Misconfigured(f"issuer {name!r}: {fault}", hint="give a domain, or https://host/path")
        if "?" in url:
            raise Misconfigured(f"issuer {name!r}: a query has no place in an issuer (RFC 8414, section 2)")
        spellings = (name,) if url is name else (url.rstrip("/"), url.rstrip("/") + "/")
        return cls(name, spellings, recognise(url, provider), tuple(plain_http))

    @property
    def url(self) -> str:
        """Where the issuer is, without a slash at its end."""
        return self.spellings[0].rstrip("/")

    @property
    def identity(self) -> str:
        """Which issuer it is, however it is spelled: what `identity_of` says of its URL or resource name."""
        return identity_of(self.spellings[0])

    @property
    def expected(self) -> tuple[str, ...]:
        """The values of `iss` that pass before the issuer's metadata state which of them it is."""
        if self.known is None:
            return self.spellings
        forms = self.known.templates
        closed = () if any("{" in form for form in forms) else self.spellings
        return tuple(dict.fromkeys((*forms, *closed, *self.known.aliases)))

    def stated(self, issuer: str) -> tuple[str, ...] | None:
        """The values of `iss` that pass where its metadata state this issuer; None if that is another."""
        if self.known is None:
            return (issuer,) if issuer in self.spellings else None
        same = issuer in self.spellings or (self.known.any_case and _same_but_case(issuer, self.spellings))
        form = issuer if same else self.known.stated(issuer)
        return None if form is None else (form, *(one for one in self.known.aliases if one != form))

    @property
    def metadata_urls(self) -> tuple[str, ...]:
        """Where to ask, in this order: OpenID Connect's path appended, RFC 8414's inserted after the host."""
        parts = urlsplit(self.url)
        return self.url + _OPENID, f"{parts.scheme}://{parts.netloc}{_OAUTH}{parts.path}"


def identity_of(name: str) -> str:
    """Which issuer a name means: equal for every spelling of one issuer, and different for different ones.

    Rules about an issuer (distrust, leaked keys, the refetch budget) are kept under it. It is no spelling to
    compare an `iss` with: those are compared letter by letter.

    Args:
        name: an issuer as it was named: a URL, a domain, or any other string, such as an ARN, which is
            returned as it is. The URL of a key set has an identity too, with its query.

    Returns:
        Scheme, host, port and path, normalised as RFC 3986, section 6.2.2 and 6.2.3 say: scheme and host in
        lower case, the host in its ASCII form, no default port, no dot segments, each octet percent-encoded
        only where it must be; and without slashes at the end.
    """
    url = name if "://" in name else f"https://{name}" if re.fullmatch(_DOMAIN, name) else None
    try:
        return name if url is None else _normalised(url) or name
    except ValueError:
        return name


def url_fault(url: str, plain_http: Collection[str] = ()) -> str | None:
    """What forbids a request to this URL; None where nothing does.

    Args:
        url: one that was configured, or that an issuer's document names (`jwks_uri`).
        plain_http: hosts in lower case, beyond loopback, that may be asked by http.
    """
    if not re.fullmatch(_PRINTABLE, url) or "\\" in url:
        return "it has characters that a URL cannot have (spell another alphabet as xn--...)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is not a URL"
    return _scheme_fault(parts.scheme, host, plain_http) or _part_fault(url, parts.netloc)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    from ipaddress import ip_address

    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine by any of its spellings, those that few resolvers know included.

    To refuse what a stranger names; `is_loopback` is for what may be done.
    """
    from ipaddress import ip_address

    bare = host.strip("[]").lower().removesuffix(".")
    try:
        address = ip_address(bare)
    except ValueError:  # such as 127.1, 2130706433 and 0x7f.1
        return bare == "localhost" or re.fullmatch(_SHORTENED, bare) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _normalised(url: str) -> str | None:
    """None where it is no URL of a host. Raises ValueError where its host or port cannot be read."""
    parts = urlsplit(re.sub(_TRIPLET, _decoded, url))
    if not parts.hostname or "@" in parts.netloc or "#" in url or re.search(r"[\s\x00-\x1f\x7f]", url):
        return None
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    query = f"?{parts.query}" if parts.query else ""
    path = _without_dots(parts.path).rstrip("/")
    rest = quote(path + query, safe=_ASCII, errors="surrogatepass")
    return f"{parts.scheme}://{_ascii_host(parts.hostname, parts.netloc)}{port}{rest}"


def _decoded(triplet: re.Match[str]) -> str:
    """An octet that needs no percent-encoding as it is, and the others in capitals (section 6.2.2.2)."""
    letter = chr(int(triplet[1], 16))
    return letter if re.fullmatch("[A-Za-z0-9._~-]", letter) else triplet[0].upper()


def _without_dots(path: str) -> str:
    """The path without its segments `.` and `..` (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _ascii_host(host: str, authority: str) -> str:
    """Raises ValueError."""
    from ipaddress import ip_address

    if "[" in authority:
        return f"[{ip_address(host).compressed}]"
    text = host if host.isascii() else host.encode("idna").decode("ascii")
    name = text.lower().removesuffix(".")
    if "" in name.split("."):
        raise ValueError
    return name


def _same_but_case(issuer: str, spellings: tuple[str, ...]) -> bool:
    """Whether the host alone is in letters of another case."""
    host = urlsplit(issuer).netloc
    return issuer.replace(host, host.lower(), 1) in [
        one.replace(urlsplit(one).netloc, urlsplit(one).netloc.lower(), 1) for one in spellings
    ]


def _scheme_fault(scheme: str, host: str, plain_http: Collection[str]) -> str | None:
    if scheme == "https" or (scheme == "http" and (is_loopback(host) or host in plain_http)):
        return None
    if scheme == "http":
        return "plain http is for loopback only, unless plain_http names the host"
    return "only https is supported"


def _part_fault(url: str, authority: str) -> str | None:
    if "@" in authority:
        return "a user name or password has no place in it"
    if "#" in url:
        return "a fragment has no place in it"
    return None if re.fullmatch(_AUTHORITY, authority) else "it has no proper host name"

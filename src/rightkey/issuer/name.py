"""An issuer: a domain or URL, how it is compared, and where its metadata is.

- A full URL is an exact issuer: compared letter by letter (OpenID Connect Discovery 1.0, section 4.3).
- A bare domain names no exact issuer: `https://domain` and `https://domain/` both pass, until the
  metadata states which of the two it is.
- https always, but http where the host of the URL is loopback, or named in `plain_http`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured, quoted
from rightkey.issuer.identity import identity_of as identity_of
from rightkey.issuer.spelling import lower_host

if TYPE_CHECKING:
    from rightkey.issuer.mistakes import Document
    from rightkey.issuer.vendor import Vendor

AUTO = "auto"
"""The provider is told by the issuer's URL."""
_OPENID = "/.well-known/openid-configuration"
_OAUTH = "/.well-known/oauth-authorization-server"
_PLAIN_HTTP = "plain http is for loopback only, unless plain_http names the host"
_PRINTABLE = r"[!-~]+"
_THIS_MACHINE = r"(ipv?6-)?(localhost|loopback)[46]?|localdomain[46]?"
"""How names end that systems put into hosts files: Debian's `ip6-loopback`, Fedora's `localhost6`."""
_AUTHORITY = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer, as the user named it.

    `name` is what was given, `spellings` are the URLs that it stands for, `vendor` is what its provider does
    beyond the standards, `plain_http` the hosts beyond loopback that may be asked without TLS.
    """

    name: str
    spellings: tuple[str, ...]
    vendor: Vendor | None = None
    metadata_url: str | None = field(default=None, repr=False)
    """Where its metadata are, if not at the issuer. Its query may hold an API key."""
    plain_http: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls,
        name: str,
        provider: str | None = AUTO,
        metadata_url: str | None = None,
        plain_http: Collection[str] | None = (),
    ) -> Issuer:
        """Read a domain (`tenant.eu.auth0.com`) or a URL (`https://issuer.example/tenant`).

        Args:
            name: the domain or URL; any string, if `metadata_url` says where its metadata are.
            provider: whose it is: `auto`, a name of `rightkey.issuer.providers`, or None for the standards
                alone.
            metadata_url: where its metadata are, if not at the issuer; they must state it.
            plain_http: hosts, beyond loopback, that the transport may ask by http; None where no transport
                is known yet, so that it is judged later.

        Raises:
            Misconfigured: not a domain or URL, plain http to a host that is not among those, a user name,
                query or fragment in it, the URL of its metadata, or not of that provider.
        """
        from rightkey.issuer.providers import (  # with the first issuer, not with Verifier
            of_resource,
            recognise,
        )

        if not isinstance(name, str):
            hint = "Verifier.of(...) takes several issuers" if isinstance(name, list | tuple | set) else None
            raise Misconfigured(f"issuer must be a domain or a URL, not {type(name).__name__}", hint=hint)
        if provider is not None and metadata_url is None and name.startswith("arn:"):
            vendor = of_resource(name)
            if vendor is not None:
                return cls(name, (name,), vendor)
        if metadata_url is not None:
            at = _checked_url("metadata_url", metadata_url, plain_http)
            return cls._found_at(at, name, provider, plain_http)
        url = _issuer_url(name, plain_http)
        # The same object where a URL was given, which is exact: a domain stands for two spellings.
        spellings = (name,) if url is name else (url.rstrip("/"), url.rstrip("/") + "/")
        return cls(name, spellings, recognise(url, provider), plain_http=tuple(plain_http or ()))

    @classmethod
    def _found_at(
        cls, metadata_url: str, name: str, provider: str | None, plain_http: Collection[str] | None
    ) -> Issuer:
        """An issuer that is not asked itself, so that it may have any name."""
        from rightkey.issuer.providers import recognise

        if not name:
            raise Misconfigured("issuer must not be empty")
        url = name if "://" in name else f"https://{name.rstrip('/')}"
        spellings = (name,) if url is name else (name, url, url + "/")
        is_url = url_fault("https" + url[url.index("://") :]) is None  # it is not fetched: http is as good
        vendor = recognise(url, provider) if is_url else None
        return cls(name, spellings, vendor, metadata_url, tuple(plain_http or ()))

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
        if self.vendor is None:
            return self.spellings
        forms = self.vendor.templates
        closed = () if any("{" in form for form in forms) else self.spellings
        return tuple(dict.fromkeys((*forms, *closed, *self.vendor.aliases)))

    def iss_for(self, issuer: str) -> tuple[str, ...] | None:
        """The values of `iss` that pass where its metadata state this issuer; None if that is another."""
        if self.vendor is None:
            return (issuer,) if issuer in self.spellings else None
        same = issuer in self.spellings or (
            self.vendor.any_case and lower_host(issuer) in map(lower_host, self.spellings)
        )
        form = issuer if same else self.vendor.iss_for(issuer)
        return None if form is None else (form, *(one for one in self.vendor.aliases if one != form))

    @property
    def metadata_urls(self) -> tuple[str, ...]:
        """Where to ask, in this order: where it was said; else OpenID Connect's path appended, RFC 8414's
        inserted after the host, and OpenID Connect's inserted, where MCP clients look, too."""
        if self.metadata_url is not None:
            return (self.metadata_url,)
        parts = urlsplit(self.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        places = (self.url + _OPENID, f"{origin}{_OAUTH}{parts.path}", f"{origin}{_OPENID}{parts.path}")
        return tuple(dict.fromkeys(places))


def url_fault(url: Any, plain_http: Collection[str] | None = ()) -> str | None:
    """What forbids a request to this URL; None where nothing does.

    Args:
        url: one that was configured, or that an issuer's document names (`jwks_uri`).
        plain_http: hosts in lower case, beyond loopback, that may be asked by http; None for every host.
    """
    if not isinstance(url, str):
        return "it is not a string"
    if re.search(r"\s", url):
        return "it has white space in it"
    if not re.fullmatch(_PRINTABLE, url) or "\\" in url:
        return "it has characters that a URL cannot have (spell another alphabet as xn--...)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is not a URL"
    return _scheme_fault(parts.scheme, host, plain_http) or _part_fault(url, parts.netloc)


def plain_http_hint(url: str, fault: str) -> str | None:
    """How to ask the host of a URL by http, where that is what forbids it."""
    if fault != _PLAIN_HTTP:
        return None
    return f"give https, or allow the host by plain_http=[{urlsplit(url).hostname!r}]"


def reaches_this_machine(host: str) -> bool:
    """Whether a host name may be this machine, in any of the spellings that a resolver takes.

    `127.1`, `2130706433` and `0x7f.1` are loopback to most resolvers, and `0.0.0.0` to Linux. So a host that
    ends in a number, and is no plain address, counts as this machine. This one forbids, and takes every
    spelling; `is_loopback` allows plain http, and takes only the plain ones.
    """
    from ipaddress import IPv6Address, ip_address

    host = host.strip("[]").lower().removesuffix(".")
    if re.fullmatch(_THIS_MACHINE, host.rpartition(".")[2]):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return re.fullmatch("0x[0-9a-f]*|[0-9]+", host.rpartition(".")[2]) is not None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine for certain; see `reaches_this_machine`."""
    from ipaddress import ip_address

    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _checked_url(setting: str, url: Any, plain_http: Collection[str] | None) -> str:
    if not isinstance(url, str):
        raise Misconfigured(f"{setting} must be a URL, not {type(url).__name__}")
    fault = url_fault(url, plain_http)
    if fault:
        hint = plain_http_hint(url, fault) or "such as https://host/.well-known/openid-configuration"
        raise Misconfigured(f"{setting} {quoted(url)}: {fault}", hint=hint)
    return url


def _issuer_url(name: str, plain_http: Collection[str] | None) -> str:
    """The URL that a name stands for. Raises Misconfigured where it is none of an issuer."""
    if name.startswith("spiffe://"):
        raise Misconfigured(
            f"issuer {quoted(name)}: a SPIFFE trust domain has no metadata to find its keys by",
            hint="give its bundle as keys=: the URL of its bundle endpoint, or the Path of a file",
        )
    from rightkey.issuer import mistakes  # with the first issuer that is named

    mistake = mistakes.fault_of(name)
    if mistake is not None:
        raise Misconfigured(f"issuer {quoted(name)}: {mistake[0]}", hint=mistake[1])
    url = name if "://" in name else f"https://{name}"
    fault = url_fault(url, plain_http)
    if fault:
        hint = plain_http_hint(url, fault) or "give a domain, or https://host/path"
        raise Misconfigured(f"issuer {quoted(name)}: {fault}", hint=hint)
    if "?" in url:
        raise Misconfigured(
            f"issuer {quoted(name)}: an issuer URL must not contain a query (RFC 8414, section 2)",
            hint="if its metadata are at a URL with a query, give that as metadata_url=",
        )
    _require_no_document(name, mistakes.document_of(url))
    return url


def _require_no_document(name: str, found: Document | None) -> None:
    """Raises Misconfigured where the URL of an issuer's document is named instead of the issuer."""
    if found is None:
        return
    hint = f"name the issuer as its tokens do, such as {quoted(found.issuer)}"
    if found.what != "endpoint":
        setting = "metadata_url" if found.what == "metadata" else "keys"
        hint += f"; if its {found.what} are not there, give this URL as {setting}="
    raise Misconfigured(
        f"issuer {quoted(name)}: this is the URL of an issuer's {found.what}, not the issuer", hint=hint
    )


def _scheme_fault(scheme: str, host: str, plain_http: Collection[str] | None) -> str | None:
    if scheme == "https":
        return None
    if scheme == "http" and (plain_http is None or is_loopback(host) or host in plain_http):
        return None
    if scheme == "http":
        return _PLAIN_HTTP
    return "only https is supported"


def _part_fault(url: str, authority: str) -> str | None:
    if "@" in authority:
        return "it must not contain a user name or password"
    if "#" in url:
        return "it must not contain a fragment"
    return None if re.fullmatch(_AUTHORITY, authority) else "it has no proper host name"

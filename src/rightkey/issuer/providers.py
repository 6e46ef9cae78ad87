"""Whose issuer it is: a row of what is known of providers beyond the standards is found by the issuer's URL.

A provider that keeps to the standards needs no row; it may have one to be called by its name. A row never
makes a token pass whose issuer you did not name: it says how the tokens of an issuer that was named look.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rightkey.errors import Misconfigured, quoted
from rightkey.issuer.clouds import CLOUDS
from rightkey.issuer.services import SERVERS, SERVICES
from rightkey.issuer.vendor import Vendor

PROVIDERS: dict[str, Vendor] = {row.name: row for row in (*SERVICES, *CLOUDS, *SERVERS)}
"""By name, in the order in which they are looked through: the first that fits an issuer's URL is it."""


def recognise(url: str, provider: str | None = "auto") -> Vendor | None:
    """What is known of the provider of an issuer's URL, with all forms filled.

    Args:
        url: the issuer's.
        provider: `auto`, a name of the table, or None for no knowledge at all.

    Raises:
        Misconfigured: not in the table, or the URL is none of that provider's.
    """
    if provider is None:
        return None
    if provider == "auto":
        host = urlsplit(url).hostname or ""
        rows = (row for row in PROVIDERS.values() if re.fullmatch(row.hosts, host, re.IGNORECASE))
        return next((found for row in rows if (found := _of(row, url)) is not None), None)
    if provider not in [*PROVIDERS]:  # which need not be hashable, to be told
        raise Misconfigured(
            f"provider {quoted(str(provider))} is not known here",
            hint=f"one of {', '.join(PROVIDERS)}; or None",
        )
    row = _of(PROVIDERS[provider], url)
    if row is None:
        raise Misconfigured(
            f"{quoted(url)} does not look like an issuer of provider {provider!r}: its path has another form"
        )
    return row


def of_resource(name: str) -> Vendor | None:
    """What is known of the provider of an issuer that is a resource of a cloud."""
    found = ((row, re.fullmatch(row.resource, name)) for row in PROVIDERS.values() if row.resource)
    return next((row.filled("", match.groupdict()) for row, match in found if match), None)


def is_known_host(host: str) -> bool:
    """Whether a host is of a provider that is told by its hosts."""
    hosts = (row.hosts for row in PROVIDERS.values() if row.hosts not in ("", ".+"))
    return any(re.fullmatch(one, host, re.IGNORECASE) for one in hosts)


def _of(row: Vendor, url: str) -> Vendor | None:
    # A domain that is named with a slash at its end stands for the issuer without one, too.
    path = re.fullmatch(row.path, urlsplit(url).path.rstrip("/"), re.IGNORECASE)
    return row.filled(url, path.groupdict()) if path else None

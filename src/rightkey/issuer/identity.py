"""Which issuer a name means, however it is spelled (RFC 3986, sections 6.2.2 and 6.2.3)."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_TRIPLET = "%([0-9A-Fa-f]{2})"
_ASCII = "".join(map(chr, range(128)))
_PORTS = {"https": 443, "http": 80}
_DOMAIN = r"(?!-)[^\s/:?#@\[\]]+\.[^\s/:?#@\[\]]+(:[0-9]+)?(/[^?#]*)?"  # a name with a dot is one of a host


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

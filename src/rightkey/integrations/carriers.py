"""Where a request may carry its token: a header, a cookie, the query, or a websocket's subprotocols.

RFC 6750, section 2; RFC 6455, section 1.9, for the subprotocols that a browser's websocket can name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl

from rightkey.errors import Misconfigured, may_hold_secret
from rightkey.jose import base64url

Headers: TypeAlias = Iterable[tuple[str, str]]
"""Names and values as they came, in order; a name that came twice is there twice."""

SUBPROTOCOLS = "sec-websocket-protocol"
PROOF = "dpop"
MAX_PARTS = 256
"""Cookies, parameters or subprotocols of one request that are looked at: a stranger may send thousands."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A place of a request that may carry a token. Made by `header`, `cookie`, `query` and `subprotocol`."""

    place: str
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name) or may_hold_secret(self.name):
            raise Misconfigured(
                f"the name of a {self.place} must be letters, digits, '-', '_' and '.'",
                hint=f'such as {self.place}("session")',
            )

    @property
    def header_name(self) -> str | None:
        """The header that it looks at, in lower case; None where it looks at the query."""
        return _HEADERS[self.place].format(self.name.lower()) or None

    @property
    def scheme(self) -> dict[str, str]:
        """The security scheme of OpenAPI (section 4.8.27): for a websocket, that of the header beside it."""
        if self.place in ("header", "cookie", "query"):
            return {"type": "apiKey", "in": self.place, "name": self.name}
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

    @property
    def wanted(self) -> str:
        """What a client must send."""
        place = "prefix" if self.place == "subprotocol" and self.name.endswith(".") else self.place
        return _WANTED[place].format(self.name)

    def carried(self, headers: Headers, query: str) -> list[str]:
        """The credentials found there, as they came."""
        return _READERS[self.place](self.name, headers, query)


def header(name: str) -> Carrier:
    """A header that holds the token and nothing else, such as `X-Forwarded-Access-Token`."""
    return Carrier("header", name)


def cookie(name: str) -> Carrier:
    """A cookie. A browser sends it with requests that other sites cause: guard against that."""
    return Carrier("cookie", name)


def query(name: str = "access_token") -> Carrier:
    """A parameter of the URL, which ends up in logs and histories (RFC 6750, section 2.3)."""
    return Carrier("query", name)


def subprotocol(name: str = "bearer") -> Carrier:
    """A websocket's subprotocols, of which the one after this name is the token: `bearer, <token>`.

    Browsers cannot set headers of a websocket, but they can name subprotocols:
    `new WebSocket(url, ["bearer", token])`. The answer names `bearer`, and never the token.

    A name that ends with a dot is the beginning of a subprotocol whose rest is the token in base64url, as in
    Kubernetes: `base64url.bearer.authorization.k8s.io.`. A client then offers one more, for the answer.
    """
    return Carrier("subprotocol", name)


def usual_token(authorization: Sequence[str]) -> str | None:
    """What follows `Bearer ` in the only `Authorization` header, which need not be a token; None where
    there are others, or none, or it is spelt in another way: their carrier reads those.
    """
    if len(authorization) == 1 and authorization[0][:7] in _USUAL:
        return authorization[0][7:]
    return None


def is_token(credential: str) -> bool:
    """Whether it is written as a token: RFC 6750's b64token (section 2.1), or one whose parts are each
    padded, as AWS load balancers write them.
    """
    if not credential or not credential.isascii() or credential.encode().translate(None, _LETTERS):
        return False  # a third of the time that a regular expression takes for the whole token
    return "=" not in credential or re.fullmatch(_PADDED, credential) is not None


def offered(name: str, value: str) -> list[str]:
    """The subprotocols that `Sec-WebSocket-Protocol` offers, less the token: what follows this name, or
    begins with it."""
    if name.endswith("."):
        return [each for each in _listed(value) if not each.startswith(name)]
    names, kept = iter(_listed(value)), list[str]()
    for each in names:
        kept.append(each)
        if each == name:
            next(names, None)
    return kept


def withheld(name: str, value: str) -> list[str]:
    """Those that are a token: no answer may name them."""
    kept = offered(name, value)
    return [each for each in _listed(value) if each not in kept]


def proofs_in(headers: Headers) -> tuple[str, ...] | None:
    """The DPoP proofs beside a token that came under the scheme `DPoP`; None where it came under another.

    Args:
        headers: those of a request that has one token in its `Authorization` header.
    """
    for name, value in headers:  # most begin with a B, and need not be looked at
        if value[:1] in _BEGINNINGS and name.lower() == "authorization" and re.match(_DPOP, value):
            return tuple(_in_header(PROOF, headers, ""))
    return None


def _in_authorization(name: str, headers: Headers, query: str) -> list[str]:
    """Another scheme alone is none of ours; beside a token of ours it is a second credential.

    A server may have joined several headers by commas (RFC 9110, section 5.3): no token has one.
    """
    values = _in_header(name, headers, query)
    if len(values) == 1 and values[0][:7] in _USUAL:  # all that most requests need
        return [values[0][7:].lstrip(" ")]
    if not any(re.match(_OURS, part) for value in values for part in _parts(value, ",")):
        return []
    return [re.sub(_SCHEME, "", value) for value in values]


def _in_header(name: str, headers: Headers, query: str) -> list[str]:
    name = name.lower()
    return [value.strip(" \t") for key, value in headers if key.lower() == name]


def _in_cookie(name: str, headers: Headers, query: str) -> list[str]:
    """RFC 6265, section 4.1.1: a value may stand in quotes, as frameworks write one with `=` in it."""
    cookies = ";".join(_in_header("cookie", headers, query))
    pairs = [pair.partition("=") for pair in _parts(cookies, ";")]
    values = [value.strip() for key, _, value in pairs if key.strip() == name]
    return [re.sub(r'^"(.*)"$', r"\1", value) for value in values]


def _in_query(name: str, headers: Headers, query: str) -> list[str]:
    pairs = parse_qsl("&".join(_parts(query, "&")), keep_blank_values=True)
    return [value for key, value in pairs if key == name]


def _in_subprotocols(name: str, headers: Headers, query: str) -> list[str]:
    listed = _listed(",".join(_in_header(SUBPROTOCOLS, headers, query)))
    if name.endswith("."):
        return [_decoded(each[len(name) :]) for each in listed if each.startswith(name)]
    names = iter(listed)
    return [next(names, "") for each in names if each == name]


def _decoded(text: str) -> str:
    """What is written in base64url; empty, and so no token, where it is not."""
    try:
        return base64url.decode(text.encode()).decode("ascii")
    except ValueError:
        return ""


def _listed(value: str) -> list[str]:
    return [each for part in _parts(value, ",") if (each := part.strip(" \t"))]


def _parts(value: str, separator: str) -> list[str]:
    return value.split(separator, MAX_PARTS)[:MAX_PARTS]


_NAME = r"[A-Za-z0-9_.-]+"
_LETTERS = (string.ascii_letters + string.digits + "._~+/=-").encode()
_PADDED = r"[A-Za-z0-9._~+/-]+=*(?:\.[A-Za-z0-9_~+/-]+=*){0,2}"
_OURS = r"(?i)\s*(?:bearer|dpop)(?![A-Za-z0-9!#$%&'*+.^_`|~=-])"
"""One of our schemes, whatever stands behind its name (RFC 9110, section 11.1 and 5.6.2), but for the `=` of
a parameter: an application may take a tab, or a space beyond ASCII, for the space that is due."""
_SCHEME = r"(?i)^(?:bearer|dpop)(?: +|$)"
_USUAL = ("Bearer ", "bearer ")
_DPOP, _BEGINNINGS = r"(?i)[ \t]*dpop(?: |$)", ("d", "D", " ", "\t")
_HEADERS = {
    "authorization": "authorization",
    "header": "{}",
    "cookie": "cookie",
    "query": "",
    "subprotocol": SUBPROTOCOLS,
}
_WANTED = {
    "authorization": "the header Authorization: Bearer <token>",
    "header": "the token in the header {}",
    "cookie": "the token in the cookie {}",
    "query": "the token as the parameter {}",
    "subprotocol": "the token as the websocket subprotocol after {}",
    "prefix": "the token in base64url in the websocket subprotocol that begins with {}",
}
_READERS: dict[str, Callable[[str, Headers, str], list[str]]] = {
    "authorization": _in_authorization,
    "header": _in_header,
    "cookie": _in_cookie,
    "query": _in_query,
    "subprotocol": _in_subprotocols,
}
AUTHORIZATION: Carrier = Carrier("authorization", "authorization")
"""The `Authorization` header, with the scheme `Bearer`, or `DPoP` for a token that is bound to a key."""

"""What a transport is handed and hands back: one request, one response, or one failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from rightkey.errors import without_query


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A GET, or a POST with this body, with the bounds its transport must keep.

    `timeout` covers the whole exchange, from the look-up of the name to the last octet of the body;
    `connect_timeout` the part up to an established connection. Both are in seconds. `max_body` is in
    bytes, after decompression.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 2.0
    timeout: float = 4.0
    max_body: int = 512 * 1024
    body: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:  # a query may hold an API key, and headers and body a token
        return f"Request({without_query(self.url)!r}, timeout={self.timeout!r}, max_body={self.max_body!r})"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. Header names are lower case; the body is decompressed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def retry_after(self) -> float | None:
        """How many seconds the server asks us to wait; None if it does not say (RFC 9110, 10.2.3).

        A date is measured against the server's own `Date`, so that its clock need not agree with ours.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])  # thirty years; a longer number means no more
        from email.utils import parsedate_to_datetime  # here, since it loads sockets to read a date

        try:
            then, now = (parsedate_to_datetime(one) for one in (value, self.headers.get("date", "")))
            return max(0.0, (then - now).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def refusal(self) -> str:
        """What the status says, for a message; of a redirect also where it leads, escaped and cut.

        Its query and user name are left out: they may hold a secret.
        """
        target = self.redirect_target
        return f"status {self.status}" if target is None else f"status {self.status} redirects to {target!a}"

    @property
    def redirect_target(self) -> str | None:
        """Where a redirect leads, without query and user name; None where it names no place, or is none."""
        target = self.headers.get("location")
        return None if target is None or not 300 <= self.status < 400 else _shown(target)

    @property
    def hint(self) -> str | None:
        """What to do about an answer that is no document; None where that is not known."""
        if 300 <= self.status < 400 and "location" in self.headers:
            return "redirects are not followed: name the issuer as it names itself, or its keys by keys="
        if self.body.lstrip()[:1] == b"<" and self.status in _PAGES:
            return (
                "it is a web page: a sign-in, a captive portal or a firewall may have answered, or no issuer"
            )
        return _HINTS.get(self.status)


_CREDENTIALS = "its server may ask for credentials: DefaultTransport(credentials=Credentials(...))"
_HINTS = {
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    407: "a proxy wants a user name and password: HTTPS_PROXY=http://user:password@host:port",
    511: "a captive portal wants a sign-in before this network lets anything through (RFC 6585, section 6)",
}
_PAGES = (200, 403, 503)
"""With these, a page for people is not the server's word on the document that was asked for."""


def _shown(target: str) -> str:
    from urllib.parse import urlsplit  # here, since a good answer needs none

    try:
        split = urlsplit(target)
    except ValueError:
        return "an address that cannot be read"
    host = split.netloc.rpartition("@")[2]
    return split._replace(netloc=host, query="", fragment="").geturl()[:200]


class ExchangeFailed(Exception):
    """There is no response. `reason` is one word for metrics, such as `timeout`, `dns`, `tls`, `refused`,
    `reset`, `too_large`, `proxy`, `address`, `protocol`; the message says more, and holds no secret.
    `retry_after`: for how many seconds the issuer is to be left alone, where that is known."""

    retry_after: float | None = None

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class Transport(Protocol):
    """Fetches. It follows no redirects, and returns any status as a Response.

    It is called on a thread of its own with no lock held, and may block; whatever it raises becomes a
    failed fetch. Equal transports (`==`, `hash`) share what they fetched; by default that is identity.
    """

    def get(self, request: Request, /) -> Response: ...


@runtime_checkable
class Posting(Protocol):
    """A transport that sends a body as well: what introspection needs (RFC 7662, section 2.1)."""

    def post(self, request: Request, /) -> Response:
        """As `get` of a Transport, by the method POST and with the request's body."""


def plain_http_of(transport: Transport) -> tuple[str, ...]:
    """The hosts beyond loopback that a transport may ask by http; none, if it has no such attribute."""
    return tuple(getattr(transport, "plain_http", ()))

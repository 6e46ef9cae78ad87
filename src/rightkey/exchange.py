"""What a transport is handed and hands back: one request, one response, or one failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """A GET, with the bounds its transport must keep.

    `timeout` covers the whole exchange, from the look-up of the name to the last octet of the body;
    `connect_timeout` the part up to an established connection. Both are in seconds. `max_body` is in
    bytes, after decompression.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    connect_timeout: float = 2.0
    timeout: float = 4.0
    max_body: int = 512 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. Header names are lower case; the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """For how many seconds the server asks to be left alone; None where it does not (RFC 9110, 10.2.3).

        A date is measured against the server's own `Date`, so that its clock need not agree with ours.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        from email.utils import parsedate_to_datetime  # here, since it loads sockets to read a date

        try:
            then, now = (parsedate_to_datetime(one) for one in (value, self.headers.get("date", "")))
            return max(0.0, (then - now).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None


class ExchangeFailed(Exception):
    """No response was had. `reason` is one word for metrics, such as `timeout`, `dns`, `tls`, `refused`,
    `reset`, `too_large`, `proxy`, `address`, `protocol`; the message says more, and holds no secret."""

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

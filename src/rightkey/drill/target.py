"""The protected URL of a service: how it is asked, and what its answers mean."""

from __future__ import annotations

import http.client
import ssl
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

PATIENCE = 12.0
"""Seconds after which nobody waits for an answer any more."""
_AT_ONCE = 64
_MOST = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, or None where none came within the patience; and how long it took, in seconds."""

    status: int | None
    seconds: float

    @property
    def accepted(self) -> bool:
        """The token was let in."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """The token was turned away for what it is, or since nobody can judge it now (503)."""
        return self.status is not None and (400 <= self.status < 500 or self.status == 503)

    def __str__(self) -> str:
        return f"answered {self.status}" if self.status else "not answered"


class Target:
    """A URL that wants a token.

    Args:
        url: of http or https.
        method: how it is asked.
        carrier: the header that carries the token, with `{token}` in its value.
        ca_file: PEM file of the authorities to trust for https, instead of the system's.

    Raises:
        ValueError: the URL or the carrier is none.
        OSError: the file cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        method: str = "GET",
        carrier: str = "Authorization: Bearer {token}",
        ca_file: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected a URL of http or https, got {url!r}")
        self._name, colon, self._value = (part.strip() for part in carrier.partition(":"))
        if not colon or "{token}" not in self._value:
            raise ValueError(f"expected a header such as 'Cookie: session={{token}}', got {carrier!r}")
        self.url, self._parts, self._method = url, parts, method
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rightkey-drill")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ask(self, token: str | None = None) -> Answer:
        """Ask once, with a token or without one."""
        began = time.monotonic()
        connection = self._connection()
        try:
            connection.request(self._method, self._path, headers=self._headers(token))
            response = connection.getresponse()
            response.read(_MOST)
            status: int | None = response.status
        except (OSError, http.client.HTTPException):
            status = None
        finally:
            connection.close()
        return Answer(status, time.monotonic() - began)

    def send(self, token: str) -> Future[Answer]:
        """Ask at the same time as others."""
        return self._pool.submit(self.ask, token)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=PATIENCE)
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self._context)

    def _headers(self, token: str | None) -> dict[str, bytes]:
        if token is None:
            return {}
        return {self._name: self._value.replace("{token}", token).encode()}

"""The protected URL of a service: how it is asked, and what its answers mean."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import urlsplit

from rightkey.errors import quoted, without_query

PATIENCE = 12.0
"""Seconds after which an answer is not waited for any more, however slowly it comes."""
EXCERPT = 300
"""Characters of a body that are kept."""
_AT_ONCE = 64
_MOST = 64 * 1024  # bytes of a body that are read
_INTERIM = 16  # answers that may come before the final one
_PROOFS = ("DPoP", "dpop")
_TOLD = ("www-authenticate", "location")
_TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]*(\.[\w-]*)*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: None where no answer came.
        seconds: how long it took.
        headers: by name in lower case.
        body: its first characters, with no token in it.
        error: why there is no status.
        untrusted: there is none because the certificate is not trusted.
        nonce: what the service gave for the next proof of DPoP.
        denied: it has the status of success, and a body that is none of an accepted token.
    """

    status: int | None
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    error: str = ""
    untrusted: bool = False
    nonce: str | None = None
    denied: bool = False

    @property
    def accepted(self) -> bool:
        """The token was let in."""
        return self.status is not None and 200 <= self.status < 300 and not self.denied

    @property
    def refused(self) -> bool:
        """The token was turned away: by a 4xx, a redirect to a sign-in, the body of a 2xx, or 503 if it
        cannot be judged now."""
        if self.status is None:
            return False
        return 300 <= self.status < 500 or self.status == 503 or (self.denied and self.status < 300)

    @property
    def lines(self) -> list[str]:
        """What the answer says of its reason, a line each."""
        told = [f"{name}: {self.headers[name]}" for name in _TOLD if name in self.headers]
        return told + ([f"body: {self.body}"] if self.body else [])

    def __str__(self) -> str:
        if self.status is None:
            return f"not answered: {self.error}"
        told = " without the text of --accepted" if self.denied and 200 <= self.status < 300 else ""
        return f"answered {self.status}{told}"


class Target:
    """A URL that wants a token.

    Args:
        url: of http or https.
        method: how it is asked; POST by default where there is a body, else GET.
        carrier: the header that carries the token, with `{token}` in its value.
        headers: further headers, each as `Name: value`.
        data: the body of each request.
        accepted: what the body of an answer has if the token was let in, where a 2xx alone does not say so,
            as in GraphQL and JSON-RPC.
        ca_file: PEM file of the authorities to trust for https, instead of the system's.

    Raises:
        ValueError: the URL, the carrier or a header is malformed.
        OSError: the file cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        method: str | None = None,
        carrier: str = "Authorization: Bearer {token}",
        headers: Sequence[str] = (),
        data: str | None = None,
        accepted: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected a URL of http or https, got {quoted(url)}")
        if "@" in parts.netloc:
            raise ValueError("the URL must not contain a user name or password: --header sends them")
        self._name, self._value = _header(carrier)
        if "{token}" not in self._value:
            raise ValueError(f"expected a header such as 'Cookie: session={{token}}', got {quoted(carrier)}")
        self.url, self._parts = without_query(url), parts  # a scorecard is shown to others
        self._data = None if data is None else data.encode()
        self._accepted = accepted or ""
        self._method = method or ("GET" if data is None else "POST")
        self._headers = {name: value.encode() for name, value in map(_header, headers)}
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="rightkey-drill")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def bears(self) -> bool:
        """The token is carried by the scheme `Bearer` (RFC 6750, section 2.1)."""
        return self._name.lower() == "authorization" and self._value.lower().startswith("bearer ")

    @property
    def method(self) -> str:
        """How it is asked."""
        return self._method

    def ask(
        self, token: str | None = None, *, lower: bool = False, proofs: Sequence[str] | None = None
    ) -> Answer:
        """Ask once, with a token or without one.

        Args:
            token: which.
            lower: with the scheme in lower case.
            proofs: under the scheme `DPoP`, with so many proofs, two at most.
        """
        began = time.monotonic()
        connection = self._connection()
        try:
            with _Deadline(connection, PATIENCE) as deadline:
                sent = self._sent(token, lower=lower, proofs=proofs)
                connection.request(self._method, self._path, self._data, sent)
                response = connection.getresponse()
                deadline.require()
                headers = {name.lower(): shown(response.getheader(name, "")) for name in response.headers}
                nonce = response.getheader("dpop-nonce")
                body = _text_of(response)
                denied = self._accepted not in body
                answer = Answer(response.status, 0.0, headers, _excerpt(body), nonce=nonce, denied=denied)
        except (OSError, http.client.HTTPException, ValueError) as error:
            waited = time.monotonic() - began >= PATIENCE
            answer = Answer(None, 0.0, error=_why(error, waited=waited), untrusted=_untrusted(error))
        finally:
            connection.close()
        return replace(answer, seconds=time.monotonic() - began)

    def send(self, token: str) -> Future[Answer]:
        """Ask at the same time as others."""
        return self._pool.submit(self.ask, token)

    def listens(self) -> bool:
        """Whether the port takes connections."""
        try:
            socket.create_connection(self._address, timeout=1.0).close()
        except OSError:
            return False
        return True

    @property
    def _address(self) -> tuple[str, int]:
        return self._parts.hostname or "", self._parts.port or (80 if self._context is None else 443)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        made: http.client.HTTPConnection
        if self._context is None:
            made = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        else:
            made = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self._context)
        made.response_class = _Final
        return made

    def _sent(self, token: str | None, *, lower: bool, proofs: Sequence[str] | None) -> dict[str, bytes]:
        if token is None:
            return self._headers
        if proofs is not None:
            # One name in two spellings is read as two headers of that name.
            named = {name: proof.encode() for name, proof in zip(_PROOFS, proofs, strict=False)}
            return self._headers | {self._name: f"DPoP {token}".encode(), **named}
        scheme, space, rest = self._value.partition(" ")
        value = f"{scheme.lower()}{space}{rest}" if lower else self._value
        return self._headers | {self._name: value.replace("{token}", token).encode()}


class _Final(http.client.HTTPResponse):
    """The final answer: interim ones before it, such as 103 for early hints, are passed over (RFC 9110,
    section 15.2). The standard library passes over 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException


class _Deadline:
    """Shuts a connection that is not done in time: its own timeout restarts with every octet."""

    def __init__(self, connection: http.client.HTTPConnection, seconds: float) -> None:
        self._connection = connection
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon, self._over = True, False

    def __enter__(self) -> Self:
        self._connection.connect()
        self._timer.start()
        return self

    def require(self) -> None:
        """Raises TimeoutError where it is over: headers that are cut off look like whole ones."""
        if self._over:
            raise TimeoutError

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _shut(self) -> None:
        sock, self._over = self._connection.sock, True
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:  # the other end was quicker
                return


def shown(text: str) -> str:
    """Text of the service as it may be shown: what looks like a token is not."""
    return _TOKEN.sub("<token>", text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not colon or not name:
        raise ValueError(f"expected a header as 'Name: value', got {quoted(text)}")
    return name, value


def _text_of(response: http.client.HTTPResponse) -> str:
    """The beginning of the body. A body that breaks off does not change the status."""
    try:
        return response.read(_MOST).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""


def _excerpt(body: str) -> str:
    return " ".join(shown(body).split())[:EXCERPT]


def _untrusted(error: Exception) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError)


def _why(error: Exception, *, waited: bool) -> str:
    if waited or isinstance(error, TimeoutError):
        return f"nothing came within {PATIENCE:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionResetError | BrokenPipeError):  # RemoteDisconnected is one, too
        return "the connection was closed without an answer"
    if isinstance(error, http.client.HTTPException):
        return "it does not answer in HTTP/1.1"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS"
    text = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    return text.lower()

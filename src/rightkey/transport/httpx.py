"""How a document is fetched with an HTTP client of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rightkey.errors import Misconfigured
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.policy.named import settings_by_name
from rightkey.transport import body
from rightkey.transport.address import read_address, read_plain_http
from rightkey.transport.deadline import Deadline
from rightkey.transport.failure import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from contextlib import AbstractContextManager


class Client(Protocol):
    """What a client must do: stream a response. `httpx.Client` and `httpx2.Client` do."""

    @property
    def stream(self) -> Callable[..., AbstractContextManager[Any]]: ...


# By name: the classes of httpx and of httpx2 are not the same, and neither need be installed.
_REASONS = {"ProxyError": "proxy", "UnsupportedProtocol": "address"}


@settings_by_name
@dataclass(frozen=True, slots=True, eq=False)
class HttpxTransport:
    """Fetches with a sync `httpx.Client` or `httpx2.Client`, which stays yours: it is never closed.

    The client's own settings hold (proxies, certificates, headers, pools); the bounds of a request are set
    again for each. Between the chunks of a body the deadline is checked. Before that it only bounds each wait
    by itself: a server that drips its headers can outlast it, which DefaultTransport does not allow.
    Transports of one client are equal, unless they differ in `plain_http`.

    Args:
        client: the client.
        plain_http: names of hosts that may be asked by http: see `DefaultTransport`.

    Raises:
        Misconfigured: not a sync client, or `plain_http` is not as described.
    """

    client: Client
    plain_http: Collection[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain_http", read_plain_http(self.plain_http))
        if not hasattr(self.client, "stream") or hasattr(self.client, "aclose"):
            raise Misconfigured(
                f"expected a sync httpx.Client or httpx2.Client, got {type(self.client).__name__}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HttpxTransport):
            return NotImplemented
        return self.client is other.client and self.plain_http == other.plain_http

    def __hash__(self) -> int:
        return hash(id(self.client))

    def get(self, request: Request, /) -> Response:
        """Any answer, of any status, within the request's bounds.

        Raises:
            ExchangeFailed: the reasons of `DefaultTransport.get`. Nothing else leaves.
        """
        return self._fetched("GET", request)

    def post(self, request: Request, /) -> Response:
        """The same by POST, with the request's body. Raises as `get`."""
        return self._fetched("POST", request)

    def _fetched(self, method: str, request: Request) -> Response:
        host = read_address(request.url, self.plain_http).host
        try:
            return self._exchange(method, request)
        except ExchangeFailed:
            raise
        except Exception as error:
            raise _failure(error, host, request.timeout) from error

    def _exchange(self, method: str, request: Request) -> Response:
        deadline = Deadline.after(request.timeout)
        connect, whole = min(request.connect_timeout, request.timeout), request.timeout
        with self.client.stream(
            method,
            request.url,
            content=request.body or None,
            headers={**request.headers, "Accept-Encoding": body.ACCEPTED},
            follow_redirects=False,
            timeout=(connect, whole, whole, connect),  # connect, read, write, and waiting for the pool
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            chunks = _within(deadline, _chunks(response))
            encoding = "" if response.is_stream_consumed else headers.get("content-encoding", "")
            return Response(response.status_code, headers, body.collect(chunks, encoding, request.max_body))


def _chunks(response: Any) -> Iterable[bytes]:
    # A response made in memory (MockTransport) has read and decoded itself already.
    if response.is_stream_consumed:
        return (response.content,)
    # As they come (64 KiB at most): gathered to a size, a dripped body would look like one long wait.
    chunks: Iterable[bytes] = response.iter_raw()
    return chunks


def _within(deadline: Deadline, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        deadline.left()
        yield chunk


def _failure(error: Exception, host: str, seconds: float) -> ExchangeFailed:
    name = type(error).__name__
    if name in _REASONS:
        return ExchangeFailed(_REASONS[name], f"the exchange with {host} failed ({name})")
    return failure(_meant(error), host, seconds)


def _meant(error: Exception) -> BaseException:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "TimeoutException" in names:
        return TimeoutError()
    # The system's own error is at the bottom. httpcore raises `from None` on the way up: it is no cause.
    below: BaseException = error
    while "NetworkError" in names and (deeper := below.__cause__ or below.__context__):
        below = deeper
    return below

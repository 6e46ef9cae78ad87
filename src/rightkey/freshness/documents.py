"""Documents: where a refresh gets an issuer's documents, and what it says of their worth.

Without a store they come from a transport, each time. With one they may be those that another process of the
fleet was given; `rightkey.stores` has that.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from rightkey.errors import IssuerFault
from rightkey.exchange import Request, Response, Transport


class Terms(NamedTuple):
    """On what terms a document is asked for. Times are in seconds."""

    left: float
    """Until the refresh is given up."""
    oldest: float
    """The age past which a document is of no use."""
    forced: bool = False
    """Whether a token asked, so that a fleet's budget counts: of so many `draws`, one more `every` so often,
    of which there must be the `least`."""
    draws: float = 2.0
    every: float = 10.0
    least: float = 1.0


class Document(NamedTuple):
    """An answer, and when it was asked for."""

    response: Response
    age: float = 0.0
    """Seconds since its request began, where another process has made it."""
    moment: int | None = None
    """A reading of COUNT before its request began; None where it was made just now."""


class FleetBudgetSpent(Exception):
    """The budget of a fleet is spent, for `seconds`: the issuer was not asked, and has not failed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Documents(Protocol):
    """What fetches documents for one refresh, and learns what they were worth."""

    def get(self, request: Request, terms: Terms, /) -> Document:
        """The answer. Raises FleetBudgetSpent, and what a transport raises."""

    def accept(self, url: str, /) -> None:
        """The answer from this URL is good."""

    def end(self, failure: IssuerFault | None, /) -> None:
        """The refresh is over."""


class Direct:
    """Documents from a transport alone."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, request: Request, terms: Terms, /) -> Document:
        return Document(proper(self._transport.get(request)))

    def accept(self, url: str, /) -> None:
        """Nothing is shared."""

    def end(self, failure: IssuerFault | None, /) -> None:
        """So nothing is to be freed."""


def proper(response: Any) -> Response:
    """The same, with the names of its headers in lower case.

    Raises TypeError, AttributeError: it is no Response. Where what came of a refresh is taken in, that would
    be found too late: without a failure there is no backoff.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    texts = all(isinstance(value, str) for value in headers.values())
    if not (texts and isinstance(response.status, int) and isinstance(response.body, bytes)):
        raise TypeError("a Response has an int, a mapping of str to str, and bytes")
    return Response(response.status, headers, response.body)

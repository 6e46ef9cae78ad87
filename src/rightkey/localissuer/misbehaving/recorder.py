"""The requests that an issuer received: how many to each endpoint, and the latest ones."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rightkey.localissuer.answers import Request

_KEPT = 10_000  # requests; an issuer may run for days


class Recorded(NamedTuple):
    """One request. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Requests:
    """Counts requests as they come in, before any fault applies: `requests["jwks"]`.

    Endpoints are those that can misbehave, `attacker-jwks`, `attacker-certificate`, and `other`. Requests
    that manage the issuer are not counted.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counts: Counter[str] = Counter()
        self._recorded: deque[Recorded] = deque(maxlen=_KEPT)

    def __getitem__(self, endpoint: str) -> int:
        return self._counts[endpoint]

    def __repr__(self) -> str:
        return f"Requests({dict(self._counts)})"

    @property
    def total(self) -> int:
        """How many requests came, to any path."""
        with self._changed:
            return self._counts.total()

    @property
    def counts(self) -> dict[str, int]:
        """How many requests came to each endpoint, where any did."""
        with self._changed:
            return dict(self._counts)

    @property
    def recorded(self) -> list[Recorded]:
        """The latest requests, oldest first."""
        with self._changed:
            return list(self._recorded)

    def note(self, endpoint: str, request: Request) -> None:
        with self._changed:
            self._counts[endpoint] += 1
            self._recorded.append(Recorded(request.method, request.target, request.headers))
            self._changed.notify_all()

    def wait(self, endpoint: str, count: int = 1, timeout: float = 5.0) -> bool:
        """Wait until an endpoint had this many requests; False if `timeout` seconds pass first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._counts[endpoint] >= count, timeout)

    def clear(self) -> None:
        """Start again at zero."""
        with self._changed:
            self._counts.clear()
            self._recorded.clear()

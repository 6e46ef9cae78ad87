"""How many requests the issuer takes: a bucket of tokens, as Auth0 counts."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A burst of requests, and how many a second after it. The default is that of Auth0's free tier.

    Raises:
        ValueError: one of the two is not above zero.
    """

    burst: int = 20
    per_second: float = 20.0

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ValueError(f"expected a burst and a rate above zero, got {self}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Whether one request may pass, and the headers of its answer."""

    passes: bool
    headers: dict[str, str]


class Bucket:
    """Full at first. A request takes one token; tokens come back with time, up to the burst."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._drawing = threading.Lock()
        self._tokens, self._filled_at = float(limit.burst), clock()

    def draw(self) -> Drawn:
        """Take one token if there is one."""
        limit = self._limit
        with self._drawing:
            now = self._clock()
            self._fill(now)
            passes = self._tokens >= 1
            self._tokens -= passes
            left = self._tokens
        full_at = math.ceil(now + (limit.burst - left) / limit.per_second)
        headers = {
            "x-ratelimit-limit": str(limit.burst),
            "x-ratelimit-remaining": str(math.floor(left)),
            "x-ratelimit-reset": str(full_at),
        }
        if not passes:
            headers["retry-after"] = str(max(1, math.ceil((1 - left) / limit.per_second)))
        return Drawn(passes, headers)

    def _fill(self, now: float) -> None:
        gained = max(0.0, now - self._filled_at) * self._limit.per_second  # the clock may be set back
        self._tokens, self._filled_at = min(self._limit.burst, self._tokens + gained), now

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
    """So many requests at once, and so many a second after that. The default is Auth0's free tier.

    Raises:
        ValueError: either is not above zero.
    """

    burst: int = 20
    per_second: float = 20.0

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ValueError(f"expected a burst and a rate above zero, got {self}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of one request: whether it may pass, and what the answer says about it."""

    passes: bool
    headers: dict[str, str]


class Bucket:
    """Full at first. One token a request; it fills by the clock, and never beyond the burst."""

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

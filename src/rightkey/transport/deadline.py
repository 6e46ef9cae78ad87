"""When an exchange has to be over."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """One moment, `seconds` after it was set, that every wait of an exchange is measured against."""

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(seconds, time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds left, always more than 0.

        Raises:
            TimeoutError: the moment has come.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

"""What time the issuer believes it is: a clock that can be frozen, advanced and set wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_LATEST = 252_000_000_000  # seconds: later than that, certificates have no dates any more


class Clock:
    """Unix time in seconds, by another clock that it starts from.

    Whatever sets it raises ValueError for a time before 1970 or after 9955, and leaves it as it is.
    """

    def __init__(self, true: Callable[[], float]) -> None:
        self._true = true
        self._changing = threading.Lock()
        self._frozen: float | None = None
        self._offset = 0.0

    def __call__(self) -> float:
        with self._changing:
            return self._started() + self._offset

    def freeze(self, at: float | None = None) -> None:
        """Stand still, now or at a time; `advance` still moves it."""
        with self._changing:
            self._set(self._started() if at is None else at - self._offset, self._offset)

    def advance(self, seconds: float) -> None:
        """Be so much further on than now; backwards where it is negative."""
        with self._changing:
            self._set(self._frozen, self._offset + seconds)

    def skew(self, seconds: float) -> None:
        """Be ahead of the true time by exactly so much, or behind where it is negative, and run."""
        with self._changing:
            self._set(None, seconds)

    def resume(self) -> None:
        """Tell the true time again, and run."""
        self.skew(0.0)

    def state(self) -> dict[str, Any]:
        """What it tells, whether it stands still, and how far it is off, in seconds."""
        now = self()
        return {"now": now, "frozen": self._frozen is not None, "off": round(now - self._true(), 3)}

    def _set(self, frozen: float | None, offset: float) -> None:
        now = (self._true() if frozen is None else frozen) + offset
        if not 0 <= now <= _LATEST:
            raise ValueError(f"expected a Unix time from 0 to {_LATEST}, got {now}")
        self._frozen, self._offset = frozen, offset

    def _started(self) -> float:
        return self._true() if self._frozen is None else self._frozen

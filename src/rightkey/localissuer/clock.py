"""The issuer's time: a clock that can be frozen, advanced and set wrong."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_LATEST = 252_000_000_000  # seconds: later than that, certificates have no dates any more


def system() -> float:
    """The system's Unix time in seconds, looked up at each call: what freezes it may come later."""
    return time.time()


class Clock:
    """Unix time in seconds, based on another clock.

    Setting it to a time before 1970 or after 9955 raises ValueError and changes nothing.
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
        """Move it forward by this many seconds, or back where they are negative."""
        with self._changing:
            self._set(self._frozen, self._offset + seconds)

    def skew(self, seconds: float) -> None:
        """Run, ahead of the true time by exactly this many seconds, or behind where they are negative."""
        with self._changing:
            self._set(None, seconds)

    def resume(self) -> None:
        """Run, at the true time again."""
        self.skew(0.0)

    def state(self) -> dict[str, Any]:
        """The time, whether it is frozen, and how far it is from the true time, in seconds."""
        with self._changing:
            true = self._true()
            now = (true if self._frozen is None else self._frozen) + self._offset
            return {"now": now, "frozen": self._frozen is not None, "off": round(now - true, 3)}

    def _set(self, frozen: float | None, offset: float) -> None:
        now = (self._true() if frozen is None else frozen) + offset
        if not 0 <= now <= _LATEST:
            raise ValueError(f"expected a Unix time from 0 to {_LATEST}, got {now}")
        self._frozen, self._offset = frozen, offset

    def _started(self) -> float:
        return self._true() if self._frozen is None else self._frozen

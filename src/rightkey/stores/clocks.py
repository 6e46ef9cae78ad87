"""The system's clocks, looked up at each call: what replaces them (freezegun, gevent) may come later."""

from __future__ import annotations

import time


def wall() -> float:
    """Unix time in seconds."""
    return time.time()


def monotonic() -> float:
    """Seconds that never go back."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)

"""How a signal ends a drill: at once, but never between the start of a process and its being known.

A drill has started a process that would outlive it and keep its port. So SIGINT, SIGTERM and SIGHUP raise
`Interrupted` in the main thread; where `held` is entered they do so at its end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(BaseException):
    """A signal has come. Like KeyboardInterrupt it is no Exception: whatever is under way ends."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.code = 128 + number


class Stop:
    """Answers the signals for as long as the `with` lasts. Only the first counts: the end is bounded in time.

    Where it is not entered it does nothing, and signals mean what they did.
    """

    def __init__(self) -> None:
        self._holds = 0
        self._asked: int | None = None
        self._raised = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in SIGNALS if not _ignored(number)]
            self._former = {number: signal.signal(number, self._come) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int | None:
        """What a shell shows for a program that was ended by the signal that has come, if one has."""
        return None if self._asked is None else 128 + self._asked

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal that comes in here is answered at its end."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        self._answer()

    def check(self) -> None:
        """Raises Interrupted if a signal has come. It may have been raised before, in a finaliser, out of
        which Python lets nothing."""
        if self._asked is not None:
            raise Interrupted(self._asked)

    def _come(self, number: int, _: FrameType | None) -> None:
        self._asked = self._asked or number
        self._answer()

    def _answer(self) -> None:
        if self._asked is not None and not self._holds and not self._raised:
            self._raised = True
            raise Interrupted(self._asked)


def _ignored(number: int) -> bool:
    """A program under nohup goes on when its terminal is closed."""
    return signal.Signals(number).name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN

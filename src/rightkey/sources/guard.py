"""The guard: the one lock of the cold path.

It is held for the microseconds of a decision: never while a thread is started, a request is made, a listener
is called or a caller waits, and never by a verification that the held keys satisfy. A library that patches
threads late (gevent) may split what waits from what holds; a lock that is held over neither cannot be split.
The caller that decides that a job begins lets go of GUARD, and then calls `JOBS.launch()`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType


class Guard:
    """A lock that survives a fork and a signal.

    A thread may take it again: a signal handler or a finalizer that interrupts its owner must not wait for
    ever. A forked child makes it again.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def is_mine(self) -> bool:
        """Whether this thread holds it."""
        return self._lock._is_owned()  # type: ignore[attr-defined, no-any-return]

    def renew(self) -> None:
        """Begin unlocked, in a forked child: the thread that held it is not there."""
        self._lock = threading.RLock()


GUARD = Guard()
READING = Guard()
"""Held while a job makes keys of a document, and taken before a fork as well. OpenSSL has locks of its own: a
child that is forked while another thread holds one waits for it for ever, at its first signature. Never held
while a disk or a network is waited for: every issuer's keys, and every fork, would wait as well."""
LARGE = 64 * 1024
"""Octets of a document whose keys may take long to make: it takes its turn among others like it, so that one
of the usual size waits for one of them, and not for all. No provider is known whose key set is larger."""
_LARGE = Guard()


@contextmanager
def reading(octets: int) -> Iterator[None]:
    """Hold READING, for a document of so many octets."""
    with _LARGE if octets > LARGE and not READING.is_mine else nullcontext(), READING:
        yield


def _before_fork() -> None:
    READING.__enter__()
    GUARD.__enter__()


def _after_fork() -> None:
    # A signal handler that raises may have cut the taking short: what was not taken must not be let go.
    for lock in (GUARD, READING):
        if lock.is_mine:
            lock.__exit__(None, None, None)


def _after_fork_in_child() -> None:  # pragma: no cover - runs in a forked child, where nothing measures
    for lock in (GUARD, READING, _LARGE):
        lock.renew()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)

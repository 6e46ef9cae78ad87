"""Aside: a store is asked on another thread, so that it does not block an event loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from rightkey.sources.waiting import until_done

THREADS = 8
"""Threads on which stores are asked for tasks."""
_T = TypeVar("_T")


async def aside(call: Callable[[], _T], seconds: float) -> _T:
    """What a call returns or raises, in a task of asyncio or of trio.

    Raises TimeoutError: it has not ended in so many seconds; it goes on.
    """
    done = _threads().submit(call)
    await until_done(done, seconds)
    return done.result(0)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "rightkey-aside")


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_threads.cache_clear)

"""Waiting for a job in a task, of asyncio or of trio. On a thread, `Jobs.wait` does."""

from __future__ import annotations

import contextlib
import sys
from concurrent.futures import Future
from typing import Any

from rightkey.sources.jobs import JOBS, Job


async def wait_async(job: Job, seconds: float) -> None:
    """Wait until the job is done or the time is up. Raises nothing of its own."""
    if not job.done.done():
        await until_done(job.done, min(seconds, job.left))
    if not job.done.done():
        JOBS.give_up(job)


async def until_done(future: Future[Any], seconds: float) -> None:
    """Wait until it has a result or the time is up. Raises nothing of its own."""
    trio = sys.modules.get("trio")
    if trio is not None and _in_trio(trio):
        await _wait_trio(trio, future, seconds)
    else:
        await _wait_asyncio(future, seconds)


def _in_trio(trio: Any) -> bool:
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


async def _wait_asyncio(future: Future[Any], seconds: float) -> None:
    import asyncio  # here, since a service of threads need not have it

    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def poke(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # that loop is closed: no task waits there any more
            loop.call_soon_threadsafe(done.set_result, None)

    future.add_done_callback(poke)
    await asyncio.wait((done,), timeout=seconds)


async def _wait_trio(trio: Any, future: Future[Any], seconds: float) -> None:
    done = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def poke(_: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):  # that run is over: no task waits there any more
            token.run_sync_soon(done.set)

    future.add_done_callback(poke)
    with trio.move_on_after(seconds):
        await done.wait()

"""A coroutine that is begun without a task, and goes on in one where it waits."""

from __future__ import annotations

import asyncio

import pytest

from rightkey.gateway.eager import Begun, begun


async def at_once() -> str:
    return "done"


async def later(wait: asyncio.Event, ended: list[str]) -> str:
    try:
        await wait.wait()
        await asyncio.sleep(0)
        return "done"
    finally:
        ended.append("ended")


async def failing() -> str:
    raise ValueError("at once")


def test_what_waits_for_nothing_is_done_at_once() -> None:
    """Without a loop, even; and what it raises is raised."""
    assert begun(at_once()) == "done"
    with pytest.raises(ValueError, match="at once"):
        begun(failing())


def test_what_waits_goes_on_in_a_task() -> None:
    """However often it waits."""

    async def main() -> tuple[str, list[str]]:
        wait, ended = asyncio.Event(), list[str]()
        rest = begun(later(wait, ended))
        assert isinstance(rest, Begun)
        task = asyncio.ensure_future(rest)
        await asyncio.sleep(0)
        assert not task.done()
        wait.set()
        return await task, ended

    assert asyncio.run(main()) == ("done", ["ended"])


def test_what_is_cancelled_is_ended() -> None:
    """As the connection that it was for is lost."""

    async def main() -> list[str]:
        ended = list[str]()
        task = asyncio.ensure_future(begun(later(asyncio.Event(), ended)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        del task
        await asyncio.sleep(0)
        return ended

    assert asyncio.run(main()) == ["ended"]

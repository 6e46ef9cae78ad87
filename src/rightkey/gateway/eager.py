"""Eager: runs a coroutine of asyncio to its first wait, in the loop and without a task.

A remembered token is judged without a wait: then this is one call, where a task costs a turn of the loop.
Python 3.12's eager tasks do the same, and 3.11 has none. The coroutine must not ask for its task before its
first wait, and must be awaited from then on in the loop in which it began.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")


class Begun(Generic[_Result]):
    """The rest of a coroutine that waits for something. Await it once."""

    def __init__(self, rest: Coroutine[Any, None, _Result], awaited: Any) -> None:
        self._rest, self._awaited = rest, awaited

    def __await__(self) -> Generator[Any, None, _Result]:
        yield self._awaited
        return (yield from self._rest.__await__())


def begun(coroutine: Coroutine[Any, None, _Result]) -> _Result | Begun[_Result]:
    """The coroutine's result, or its rest where it waits. Raises what it raises before its first wait."""
    try:
        awaited = coroutine.send(None)
    except StopIteration as done:
        result: _Result = done.value
        return result
    return Begun(coroutine, awaited)

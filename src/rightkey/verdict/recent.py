"""Recent: a bounded map that keeps what is in use, without a lock.

There are two generations, and what is asked for moves to the younger one: others, however many come, cannot
push out an entry that is asked for while half as many come.

Threads that put at the same moment may forget a generation too early: keep here only what can be made again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """Values by name.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[Hashable, _Value] = {}
        self._old: dict[Hashable, _Value] = {}

    def get(self, name: Hashable) -> _Value | None:
        """What is kept under a name."""
        value = self._young.get(name)
        if value is None and (value := self._old.get(name)) is not None:
            self.put(name, value)
        return value

    def put(self, name: Hashable, value: _Value) -> None:
        """Keep it, in the place of what was there."""
        if len(self._young) >= self._half and name not in self._young:
            self._young, self._old = {}, self._young
        self._young[name] = value

    @property
    def all(self) -> Mapping[Any, _Value]:
        """All that is kept."""
        return self._old | self._young

    def __len__(self) -> int:
        return len(self.all)

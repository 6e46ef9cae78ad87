"""What a service is put through: every exercise by name, in the order in which they are played."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from rightkey.drill import bound, forged, garbage, honest, keysets, misused, opaque, outages, rotations
from rightkey.drill.exercise import Exercise

_GROUPS = (rotations, outages, honest, garbage, forged, misused, keysets, bound, opaque)

EXERCISES: Mapping[str, Exercise] = {
    name: exercise for group in _GROUPS for name, exercise in group.EXERCISES.items()
}
"""Every exercise by name."""


def chosen(only: Collection[str] = (), skip: Collection[str] = ()) -> list[str]:
    """The names of exercises that fit one of `only`, or all, less those that fit one of `skip`.

    Args:
        only: names, or patterns of the shell such as `attack:*`.
        skip: likewise.

    Raises:
        ValueError: a pattern fits no exercise, or nothing is left.
    """
    skipped = {name for pattern in skip for name in _fitting(pattern)}
    wanted = {name for pattern in only for name in _fitting(pattern)} or set(EXERCISES)
    names = [name for name in EXERCISES if name in wanted - skipped]
    if not names:
        raise ValueError("no exercise is left to play")
    return names


def _fitting(pattern: str) -> list[str]:
    found = [name for name in EXERCISES if name == pattern or fnmatchcase(name, pattern)]
    if found:
        return found
    groups = sorted({f"{name.partition(':')[0]}:*" for name in EXERCISES if ":" in name})
    near = get_close_matches(pattern, [*EXERCISES, *groups], n=1, cutoff=0.5)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no exercise fits {pattern!r}{meant}")

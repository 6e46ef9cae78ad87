"""What scopes imply: a broad one grants the narrower ones, and all that these imply in turn.

RFC 6749 (section 3.3) leaves the meaning of a scope to its issuer. Where one includes others, whether a token
suffices for an operation must be judged by that (Model Context Protocol 2026-07-28, Authorization). Scopes
that imply one another mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from rightkey.errors import Misconfigured
from rightkey.grants import GRANTS, ClaimPaths, Granted
from rightkey.requirements import AllOf, AnyOf, Grant, Requirement, scope

MAX_IMPLIED = 10_000
"""Pairs of a scope and one that it implies, those in between included, in one `implies=`."""
_SHOWN = 3  # broader scopes that a hint names

Implies: TypeAlias = "Mapping[str, str | Iterable[str]]"
"""By each scope what it implies: one scope or several."""


def implies_of(implies: Any) -> dict[str, tuple[str, ...]]:
    """The setting, as it was given, in a form that nothing changes later. Raises Misconfigured."""
    if not isinstance(implies, Mapping):
        raise _unreadable()
    return {_name(broad): _names(narrow) for broad, narrow in implies.items()}


def with_implied(places: ClaimPaths, implies: Mapping[str, tuple[str, ...]]) -> ClaimPaths:
    """Where grants are, and what each scope found there grants besides itself.

    Raises:
        Misconfigured: over `MAX_IMPLIED` pairs.
    """
    pairs, implied = 0, dict[str, frozenset[str]]()
    for broad in implies:
        implied[broad] = _reached(broad, implies)
        pairs += len(implied[broad])
        if pairs > MAX_IMPLIED:
            raise Misconfigured(
                f"implies has over {MAX_IMPLIED:,} pairs of scopes, those in between included"
            )
    if not implied:
        return places
    return {**places, "scope": tuple(place._replace(implied=implied) for place in places["scope"])}


def broader(places: ClaimPaths, name: str) -> list[str]:
    """The scopes that imply this one, in the order of the setting."""
    implied = places["scope"][0].implied or {}
    return [broad for broad, narrow in implied.items() if name in narrow]


def hint_of(missing: Requirement, places: ClaimPaths) -> str | None:
    """Which broader scopes would grant what a token lacks; None where none would."""
    told = [
        f"{name} comes with {' or '.join(found[:_SHOWN])}, too"
        for name in _scopes(missing)
        if (found := broader(places, name))
    ]
    return "; ".join(told) or None


def through(claims: Mapping[str, Any], asked: Requirement, places: ClaimPaths) -> dict[str, list[str]]:
    """The scopes asked for that a token grants by broader ones alone, and which of these it has."""
    has = Granted(claims, {**places, "scope": GRANTS["scope"]}).names("scope")
    found = {name: [one for one in broader(places, name) if one in has] for name in _scopes(asked)}
    return {name: by for name, by in found.items() if by and name not in has}


def _reached(broad: str, implies: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """All that a scope implies, by others too; of more than `MAX_IMPLIED`, enough to be refused for."""
    reached, ahead = set[str](), [broad]
    while ahead and len(reached) <= MAX_IMPLIED:
        fresh = set(implies.get(ahead.pop(), ())) - reached
        reached |= fresh
        ahead += fresh
    return frozenset(reached - {broad})


def _scopes(asked: Requirement) -> Iterator[str]:
    if isinstance(asked, AllOf | AnyOf):
        for part in asked.parts:
            yield from _scopes(part)
    elif isinstance(asked, Grant) and asked.kind == "scope":
        yield asked.name


def _names(narrow: Any) -> tuple[str, ...]:
    if not isinstance(narrow, str | Iterable):
        raise _unreadable()
    return tuple(map(_name, (narrow,) if isinstance(narrow, str) else narrow))


def _name(one: Any) -> str:
    return scope(one).name


def _unreadable() -> Misconfigured:
    return Misconfigured(
        "implies must say by each scope which others it implies",
        hint='such as {"files:admin": ["files:read"]}',
    )

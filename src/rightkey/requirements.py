"""What a route asks of a token: scopes, permissions, roles, groups and claims, combined.

    "read:x"                                 a scope, written as it is
    role("admin")                            role(admin)
    claim("org", "acme")                     claim(org, acme)
    all_of("read:x", role("admin"))          all_of(read:x, role(admin))
    any_of("read:x", "write:x")              any_of(read:x, write:x)

Each is a value; its string, on the right, is read back by `parse`. What has other characters than a
scope may have, or a bracket or comma, stands in double quotes there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rightkey.errors import Misconfigured

GRANTS: dict[str, tuple[str, ...]] = {
    "scope": ("scope", "scp"),
    "permission": ("permissions",),
    "role": ("roles", "role"),
    "group": ("groups",),
}
"""Kind of grant -> the claims it is found in: RFC 8693's `scope`, `scp` of Okta and Entra, Auth0's
`permissions`, RFC 9068's `roles` and `groups`."""

MAX_DEPTH = 16
"""How deep `all_of` and `any_of` may be nested in a requirement that is written as text."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One named thing of a kind, such as the scope `read:x`."""

    kind: str
    name: str

    def missing(self, claims: Mapping[str, Any]) -> Requirement | None:
        """What the claims lack; None where they grant it."""
        return None if self.name in granted(claims, self.kind) else self

    def __str__(self) -> str:
        plain = self.kind == "scope" and self.name not in _COMBINATIONS
        return _quoted(self.name) if plain else f"{self.kind}({_quoted(self.name)})"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with this value, or with an array that holds it."""

    name: str
    value: Any

    def missing(self, claims: Mapping[str, Any]) -> Requirement | None:
        """What the claims lack; None where they have it."""
        got = claims.get(self.name, _ABSENT)
        return None if any(_same(self.value, one) for one in (got, *_items(got))) else self

    def __str__(self) -> str:
        value = self.value
        if not isinstance(value, str):
            return f"claim({_quoted(self.name)}, {json.dumps(value)})"
        text = _quoted(value)
        if _value(text) != value:  # such as "5", which without its quotes would be a number
            text = f'"{value}"'
        return f"claim({_quoted(self.name)}, {text})"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of several."""

    parts: tuple[Requirement, ...]

    def missing(self, claims: Mapping[str, Any]) -> Requirement | None:
        """Those parts that the claims lack; None where they lack none."""
        lacking = tuple(m for part in self.parts if (m := part.missing(claims)) is not None)
        return lacking[0] if len(lacking) == 1 else AllOf(lacking) if lacking else None

    def __str__(self) -> str:
        return f"all_of({', '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several."""

    parts: tuple[Requirement, ...]

    def missing(self, claims: Mapping[str, Any]) -> Requirement | None:
        """The whole choice where the claims satisfy no part of it; None where they satisfy one."""
        return self if all(part.missing(claims) is not None for part in self.parts) else None

    def __str__(self) -> str:
        return f"any_of({', '.join(map(str, self.parts))})"


Requirement: TypeAlias = Grant | Claim | AllOf | AnyOf


def scope(name: str) -> Grant:
    """A scope; the plain string means the same."""
    return _grant("scope", name)


def permission(name: str) -> Grant:
    """A permission, as Auth0's role-based access control puts them into `permissions`."""
    return _grant("permission", name)


def role(name: str) -> Grant:
    """A role (`roles`, or one `role`)."""
    return _grant("role", name)


def group(name: str) -> Grant:
    """A group (`groups`)."""
    return _grant("group", name)


def claim(name: str, value: Any) -> Claim:
    """A claim that equals the value (a string, number, boolean or None), or is an array holding it."""
    if not _nameable(name) or (isinstance(value, str) and '"' in value):
        raise Misconfigured("a claim's name and value are without double quotes, and the name is not empty")
    if not isinstance(value, str | int | float | bool | None):
        raise Misconfigured(f"claim {name!r}: a value to compare with is a string, number, boolean or None")
    return Claim(name, value)


def all_of(*parts: str | Requirement) -> Requirement:
    """Every one of the parts."""
    return AllOf(_parts("all_of", parts))


def any_of(*parts: str | Requirement) -> Requirement:
    """At least one of the parts."""
    return AnyOf(_parts("any_of", parts))


def required(asked: str | Requirement | Iterable[str | Requirement]) -> AllOf:
    """What `require=` may be given, one or several, as one value; without parts where nothing is asked.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    several = (asked,) if isinstance(asked, str | Requirement) else asked
    try:
        return AllOf(tuple(map(_one, several)))
    except TypeError:
        raise Misconfigured(f"{type(asked).__name__} is no requirement") from None


def granted(claims: Mapping[str, Any], kind: str) -> frozenset[str]:
    """The names of a kind that the claims grant. A string is split at spaces (RFC 8693, section 4.2)."""
    found: set[str] = set()
    for name in GRANTS[kind]:
        value = claims.get(name)
        found.update(value.split(" ") if isinstance(value, str) else _strings(value))
    return frozenset(found - {""})


def parse(text: str) -> Requirement:
    """Read the string form.

    Raises:
        Misconfigured: a bracket, comma or quote out of place, or an unknown word before a bracket.
    """
    tokens = re.findall(_WORDS, text)
    if "".join(tokens).replace(" ", "") != text.replace(" ", "") or not tokens:
        raise _unreadable(text)
    try:
        requirement, rest = _read(tokens, 0)
    except (IndexError, ValueError):
        raise _unreadable(text) from None
    if rest:
        raise _unreadable(text)
    return requirement


_ABSENT = object()
_COMBINATIONS = {"all_of": all_of, "any_of": any_of}
_WORDS = r'"[^"]*"|[^\s(),"]+|[(),]'
_PLAIN = r'[^\s(),"\\]+'


def _grant(kind: str, name: str) -> Grant:
    if not _nameable(name):
        raise Misconfigured(f"a {kind} is a string with something in it, and without double quotes")
    return Grant(kind, name)


def _nameable(name: Any) -> bool:
    return isinstance(name, str) and name != "" and '"' not in name


def _parts(word: str, parts: tuple[str | Requirement, ...]) -> tuple[Requirement, ...]:
    if not parts:
        raise Misconfigured(f"{word} of nothing")
    return tuple(map(_one, parts))


def _one(asked: Any) -> Requirement:
    if isinstance(asked, str):
        return scope(asked)
    if not isinstance(asked, Requirement):
        raise Misconfigured(f"{type(asked).__name__} is no requirement", hint="a string is a scope")
    return asked


def _strings(value: Any) -> list[str]:
    return [one for one in _items(value) if isinstance(one, str)]


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _same(expected: Any, got: Any) -> bool:
    return expected == got and isinstance(expected, bool) == isinstance(got, bool)  # True is not 1 here


def _quoted(text: str) -> str:
    return text if re.fullmatch(_PLAIN, text) else f'"{text}"'


def _read(words: list[str], depth: int) -> tuple[Requirement, list[str]]:
    """Read one requirement off the front; what is left follows it."""
    if depth > MAX_DEPTH:
        raise ValueError
    word, rest = words[0], words[1:]
    if rest[:1] != ["("]:
        return scope(_text(word)), rest
    if word in _COMBINATIONS:
        parts, rest = _read_parts(rest[1:], depth + 1)
        return _COMBINATIONS[word](*parts), rest
    return _read_call(word, rest[1:])


def _read_parts(words: list[str], depth: int) -> tuple[list[Requirement], list[str]]:
    parts: list[Requirement] = []
    while True:
        part, words = _read(words, depth)
        parts.append(part)
        separator, words = words[0], words[1:]
        if separator == ")":
            return parts, words
        if separator != ",":
            raise ValueError


def _read_call(word: str, words: list[str]) -> tuple[Requirement, list[str]]:
    if word in GRANTS and words[1] == ")":
        return _grant(word, _text(words[0])), words[2:]
    if word == "claim" and (words[1], words[3]) == (",", ")"):
        return claim(_text(words[0]), _value(words[2])), words[4:]
    raise ValueError


def _text(word: str) -> str:
    if word in ("(", ")", ","):
        raise ValueError
    return word.strip('"')


def _value(word: str) -> Any:
    text = _text(word)
    if word.startswith('"'):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _unreadable(text: str) -> Misconfigured:
    return Misconfigured(
        f"requirement {text!r} cannot be read",
        hint="such as read:x, role(admin) or any_of(read:x, claim(org, acme))",
    )

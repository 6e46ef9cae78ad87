"""What a route asks of a token: scopes, permissions, roles, groups and claims, combined.

    "read:x"                                 a scope, written as it is
    role("admin")                            role(admin)
    claim("org", "acme")                     claim(org, acme)
    all_of("read:x", role("admin"))          all_of(read:x, role(admin))
    any_of("read:x", "write:x")              any_of(read:x, write:x)

Each is a value; its string, on the right, is read back by `parse`. What has other characters than a
scope may have, or a bracket or comma, stands in double quotes there.

A claim inside another is named by a JSON Pointer (RFC 6901), which begins with a slash:
`claim("/realm_access/roles", "admin")`. A name without a slash in front is a claim's whole name:
`claim("https://app.example/roles", "admin")`.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rightkey.errors import Misconfigured, may_hold_secret, quoted
from rightkey.grants import GRANTS, ClaimPaths, Granted, at, items
from rightkey.grants import granted as granted

MAX_DEPTH = 16
"""How deep `all_of` and `any_of` may be nested in a requirement that is written as text."""


class _Judged(ABC):
    """What each kind of requirement can do: say which part of it a token's claims do not satisfy."""

    __slots__ = ()

    def missing(self, claims: Mapping[str, Any], places: ClaimPaths = GRANTS) -> Requirement | None:
        """What the claims lack: the requirement's unsatisfied part; None where they lack nothing."""
        return self.lacking(Granted(claims, places))

    @abstractmethod
    def lacking(self, granted: Granted) -> Requirement | None:
        """Like `missing`, by one reading of the claims that all parts of a requirement share."""


@dataclass(frozen=True, slots=True)
class Grant(_Judged):
    """One named thing of a kind, such as the scope `read:x`."""

    kind: str
    name: str

    def lacking(self, granted: Granted) -> Requirement | None:
        return None if self.name in granted.names(self.kind) else self

    def __str__(self) -> str:
        plain = self.kind == "scope" and self.name not in _COMBINATIONS
        return _quoted(self.name) if plain else f"{self.kind}({_quoted(self.name)})"


@dataclass(frozen=True, slots=True)
class Claim(_Judged):
    """A claim with this value, or with an array that holds it. The name is a claim's, or a JSON Pointer."""

    name: str
    value: Any

    def lacking(self, granted: Granted) -> Requirement | None:
        got = at(granted.claims, path_of(self.name))
        return None if any(_same(self.value, one) for one in (got, *items(got))) else self

    def __str__(self) -> str:
        value = self.value
        if not isinstance(value, str):
            return f"claim({_quoted(self.name)}, {json.dumps(value)})"
        text = _quoted(value)
        if _value(text) != value:  # such as "5", which without its quotes would be a number
            text = f'"{value}"'
        return f"claim({_quoted(self.name)}, {text})"


@dataclass(frozen=True, slots=True)
class AllOf(_Judged):
    """Every one of several."""

    parts: tuple[Requirement, ...]

    def lacking(self, granted: Granted) -> Requirement | None:
        lacking = tuple(m for part in self.parts if (m := part.lacking(granted)) is not None)
        return lacking[0] if len(lacking) == 1 else AllOf(lacking) if lacking else None

    def __str__(self) -> str:
        return f"all_of({', '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class AnyOf(_Judged):
    """At least one of several."""

    parts: tuple[Requirement, ...]

    def lacking(self, granted: Granted) -> Requirement | None:
        return self if all(part.lacking(granted) is not None for part in self.parts) else None

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
    """A role, in `roles`, in `role`, or where the provider has its own."""
    return _grant("role", name)


def group(name: str) -> Grant:
    """A group, in `groups`, or where the provider has its own."""
    return _grant("group", name)


def claim(name: str, value: Any) -> Claim:
    """A claim that equals the value (a string, number, boolean or None), or is an array holding it.

    Args:
        name: the claim's name; with a slash in front a JSON Pointer into nested objects (RFC 6901), such as
            `/realm_access/roles`, in which `~1` is a slash and `~0` a tilde.
        value: what to compare with.

    Raises:
        Misconfigured: a name that is empty, has a double quote, or is no JSON Pointer; another type of value.
    """
    if not _nameable(name) or (isinstance(value, str) and '"' in value):
        raise Misconfigured(
            "a claim's name must not be empty, and neither name nor value may contain a double quote"
        )
    if name.startswith("/") and re.search("~(?![01])", name):
        raise Misconfigured(
            f"claim {quoted(name)}: in a JSON Pointer ~ must be followed by 0 or 1 (RFC 6901)"
        )
    if not isinstance(value, str | int | float | bool | None) or value != value:  # NaN equals nothing
        raise Misconfigured(f"claim {quoted(name)}: the value must be a string, number, boolean or None")
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
        raise _not_a_requirement(asked) from None


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
    except Misconfigured:
        raise
    except (IndexError, ValueError):
        raise _unreadable(text) from None
    if rest:
        raise _unreadable(text)
    return requirement


_COMBINATIONS = {"all_of": all_of, "any_of": any_of}
_WORDS = r'"[^"]*"|[^\s(),"]+|[(),]'
_PLAIN = r'[^\s(),"\\]+'


def _grant(kind: str, name: str) -> Grant:
    if not _nameable(name):
        raise Misconfigured(f"a {kind} must be a non-empty string without double quotes")
    if kind == "scope" and name.split() != [name]:
        words = ", ".join(f'"{word}"' for word in name.split()[:5])
        raise Misconfigured(
            "a scope cannot contain white space (RFC 6749, section 3.3)",
            hint=None if may_hold_secret(name) else f"for each of several: [{words}]",
        )
    return Grant(kind, name)


def _not_a_requirement(asked: Any) -> Misconfigured:
    return Misconfigured(
        f"a requirement must be a string or made by role(), claim() ..., not {type(asked).__name__}",
        hint="a string is a scope",
    )


def _nameable(name: Any) -> bool:
    return isinstance(name, str) and name != "" and '"' not in name


def _parts(word: str, parts: tuple[str | Requirement, ...]) -> tuple[Requirement, ...]:
    if not parts:
        raise Misconfigured(f"{word}() needs at least one argument")
    return tuple(map(_one, parts))


def _one(asked: Any) -> Requirement:
    if isinstance(asked, str):
        return scope(asked)
    if not isinstance(asked, Requirement):
        raise _not_a_requirement(asked)
    return asked


def path_of(name: str) -> tuple[str, ...]:
    """The names to follow to a claim, one inside the other: one, or those of a JSON Pointer."""
    if not name.startswith("/"):
        return (name,)
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in name[1:].split("/"))


def _same(expected: Any, got: Any) -> bool:
    return expected == got and isinstance(expected, bool) == isinstance(got, bool)  # True is not 1 here


def _quoted(text: str) -> str:
    return text if re.fullmatch(_PLAIN, text) else f'"{text}"'


def _read(words: list[str], depth: int) -> tuple[Requirement, list[str]]:
    """Read one requirement off the front; what is left follows it.

    Raises IndexError where the text ends too early, and ValueError where it is wrong: `parse` tells of both.
    """
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
    names = text.replace(",", " ").split()
    if len(names) > 1 and not may_hold_secret(text) and re.fullmatch(r"[\w:./,\s+-]+", text, re.ASCII):
        hint = f"for all of them all_of({', '.join(names)}), for one of them any_of(...)"
    else:
        hint = "such as read:x, role(admin) or any_of(read:x, claim(org, acme))"
    return Misconfigured(f"requirement {quoted(text)} cannot be read", hint=hint)

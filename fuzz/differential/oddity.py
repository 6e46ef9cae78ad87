"""How an oddity is told: a name, and what it does to an input. What is odd in any JSON, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fuzz.differential.case import Case

Oddity = Callable[[Case], None]


KINDS: dict[str, Any] = {
    "absent": ...,
    "null": None,
    "true": True,
    "false": False,
    "number": 7,
    "negative number": -7,
    "fraction": 0.5,
    "text": "x",
    "empty text": "",
    "array": [],
    "array of text": ["x"],
    "object": {},
}


def member(where: str, name: str, value: Any) -> Oddity:
    """Set a member of the header, the claims or the JWK; `...` takes it away."""

    def change(case: Case) -> None:
        """Set it."""
        found = getattr(case, where)
        found.pop(name, None)
        if value is not ...:
            found[name] = value

    return change


def members(where: str, names: tuple[str, ...]) -> dict[str, Oddity]:
    """Each of the members as each kind of value."""
    return {
        f"{where} {name}: {kind}": member(where, name, value)
        for name in (*names, "unknown")
        for kind, value in KINDS.items()
    }


def values(where: str, name: str, odd: dict[str, Any]) -> dict[str, Oddity]:
    """A member as each of these values."""
    return {f"{where} {name}: {what}": member(where, name, value) for what, value in odd.items()}


def text(stage: str, changes: dict[str, Callable[[bytes], bytes]]) -> dict[str, Oddity]:
    """A stage's text, changed in each of these ways."""
    return {f"{stage} text: {what}": later(stage, change) for what, change in changes.items()}


def later(stage: str, change: Callable[[bytes], bytes]) -> Oddity:
    """Change the text of a stage, once it is spelled."""
    return lambda case: case.then(stage, change)


def part(number: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Change one part of what has dots."""

    def changed(raw: bytes) -> bytes:
        """With its other parts as they are."""
        parts = raw.split(b".")
        parts[number] = change(parts[number])
        return b".".join(parts)

    return changed


def twice(name: str, value: Any) -> Callable[[bytes], bytes]:
    """An object with a name in front that it has already."""
    return lambda raw: b"{" + json.dumps(name).encode() + b":" + json.dumps(value).encode() + b"," + raw[1:]


def behind(name: str, value: bytes) -> Callable[[bytes], bytes]:
    """An object with a member at its end, its value as it stands."""
    return lambda raw: raw[:-1] + b"," + json.dumps(name).encode() + b":" + value + b"}"


JSON_TEXT: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "UTF-16": lambda raw: raw.decode().encode("utf-16"),
    "white space": lambda raw: b" \n" + raw + b"\t ",
    "form feed": lambda raw: b"\f" + raw,
    "more behind": lambda raw: raw + b"x",
    "NUL behind": lambda raw: raw + b"\0",
    "two objects": lambda raw: raw + raw,
    "comma at the end": lambda raw: raw[:-1] + b",}",
    "comment": lambda raw: raw + b"// x",
    "single quotes": lambda raw: raw.replace(b'"', b"'"),
    "cut": lambda raw: raw[:-1],
    "empty": lambda raw: b"",
    "null": lambda raw: b"null",
    "array": lambda raw: b"[" + raw + b"]",
    "text": lambda raw: json.dumps(raw.decode()).encode(),
    "number": lambda raw: b"1",
    "empty object": lambda raw: b"{}",
    "NaN": behind("m", b"NaN"),
    "Infinity": behind("m", b"-Infinity"),
    "1e999": behind("m", b"1e999"),
    "leading zero": behind("m", b"01"),
    "plus": behind("m", b"+1"),
    "long integer": behind("m", b"9" * 30),
    "very long integer": behind("m", b"9" * 5000),
    "lone surrogate": behind("m", b'"\\ud800"'),
    "encoded surrogate": behind("m", b'"\xed\xa0\x80"'),
    "not UTF-8": behind("m", b'"\xff"'),
    "overlong UTF-8": behind("m", b'"\xc0\xaf"'),
    "control letter": behind("m", b'"\n"'),
    "NUL escaped": behind("m", b'"\\u0000"'),
    "unknown escape": behind("m", b'"\\x41"'),
    "30 levels": behind("m", b"[" * 30 + b"]" * 30),
    "200 levels": behind("m", b"[" * 200 + b"]" * 200),
    "20,000 levels": behind("m", b"[" * 20_000 + b"]" * 20_000),
    "name twice inside": behind("m", b'{"a":1,"a":2}'),
    "long": behind("m", b'"' + b"x" * 600 + b'"'),
    "very long": behind("m", b'"' + b"x" * 20_000 + b'"'),
    "100,000 letters": behind("m", b'"' + b"x" * 100_000 + b'"'),
}

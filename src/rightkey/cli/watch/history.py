"""A key history: which key an issuer published from when to when, as hash-chained JSON lines.

Each line holds its number, a time, an event, and the SHA-256 of the line before it. So a line that was
changed, moved or left out is noticed when the history is read, and named. The last line's number and hash,
the head, are kept beside it: without them, lines cut off at the end would go unnoticed. Anyone who can write
both can write another history: keep a copy of the head elsewhere.

    began       an empty history of an issuer
    published   a key was first seen; `jwk` is its public half
    withdrawn   a key was no longer published; `last` is when it was seen last
    leaked      the issuer published its private half
    paused      the watch ended; what happened until `resumed` is not known

Nothing here reads a clock or a file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet

Event = Literal["began", "published", "withdrawn", "leaked", "paused", "resumed"]
EVENTS = ("began", "published", "withdrawn", "leaked", "paused", "resumed")
FIRST = "0" * 64
"""What the first line names as the hash of the line before it."""


class Broken(ValueError):
    """The history was changed: `line`, counted from 1, is the first that does not follow."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `at` and `last` are Unix times in seconds."""

    number: int
    at: float
    event: Event
    previous: str
    issuer: str | None = None
    kid: str | None = None
    thumbprint: str | None = None
    jwk: Mapping[str, Any] | None = None
    last: float | None = None

    def text(self) -> str:
        """The line as it is written, without its end."""
        members = {name: getattr(self, name) for name in self.__slots__}
        told = {name: value for name, value in members.items() if value is not None}
        return json.dumps(told, separators=(",", ":"), sort_keys=True)

    @property
    def digest(self) -> str:
        """The SHA-256 that the next line names, in hexadecimal."""
        return hashlib.sha256(self.text().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Span:
    """A key, and from when to when it was published. `until` is None where it still is."""

    key: Key
    since: float
    until: float | None = None
    leaked: float | None = None

    def covers(self, at: float) -> bool:
        """Whether the key was published, and not known to be leaked, at this time."""
        known = self.leaked is None or at < self.leaked
        return known and self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class History:
    """All lines of a history, whose chain holds."""

    lines: tuple[Line, ...]

    @classmethod
    def began(cls, issuer: str, at: float) -> History:
        """The history of an issuer of which nothing is known yet."""
        return cls((Line(0, at, "began", FIRST, issuer=issuer),))

    @classmethod
    def read(cls, text: str, head: str | None) -> History:
        """Read a history and its head. Raises Broken.

        Args:
            text: the lines.
            head: number and hash of the last line; one line more may follow, since it is written after that.
        """
        lines: list[Line] = []
        written = text.split("\n")
        if written.pop() or not written:
            raise Broken(len(written) + 1, "it is cut off")
        for number, one in enumerate(written):
            lines.append(_read(one, number, lines[-1].digest if lines else FIRST))
        _require_head(lines, head)
        return cls(tuple(lines))

    @property
    def issuer(self) -> str:
        """The issuer that the history is of."""
        return self.lines[0].issuer or ""

    @property
    def head(self) -> str:
        """The number and hash of the last line."""
        return f"{self.lines[-1].number} {self.lines[-1].digest}"

    def with_line(self, at: float, event: Event, **members: Any) -> History:
        """This history with one more line. Time does not run back in it."""
        before = self.lines[-1]
        line = Line(before.number + 1, max(round(at, 3), before.at), event, before.digest, **members)
        return replace(self, lines=(*self.lines, line))

    def seen(self, keys: KeySet, at: float, last: float | None) -> History:
        """This history with what a key set changes.

        Args:
            keys: what is published now.
            at: when it was fetched.
            last: when the issuer was seen before that; None where it was not.
        """
        now = {(key.kid, key.thumbprint): key for key in keys}
        open_ = {(one.key.kid, one.key.thumbprint) for one in self.spans if one.until is None}
        history = self
        for kid, thumbprint in sorted(open_ - now.keys(), key=str):
            history = history.with_line(at, "withdrawn", kid=kid, thumbprint=thumbprint, last=last)
        for name, key in now.items():
            if name not in open_:
                jwk = {member: value for member, value in key.jwk.items() if member not in ("d", "priv")}
                history = history.with_line(at, "published", kid=name[0], thumbprint=name[1], jwk=jwk)
        return history

    @property
    def spans(self) -> tuple[Span, ...]:
        """Each time that a key was published."""
        spans: list[Span] = []
        for line in self.lines:
            if line.event == "published":
                spans.append(Span(Key.from_jwk(line.jwk or {}), line.at))
            elif line.event == "withdrawn":
                spans = [replace(one, until=line.at) if _is(one, line) else one for one in spans]
            elif line.event == "leaked":
                spans = [replace(one, leaked=line.at) if _is(one, line) else one for one in spans]
        return tuple(spans)

    def keys_at(self, at: float) -> KeySet:
        """The keys that were published at a time."""
        return KeySet(tuple(one.key for one in self.spans if one.covers(at)))

    def known_at(self, at: float) -> bool:
        """Whether the issuer was watched at this time."""
        watched = False
        for line in self.lines:
            if line.at > at:
                return watched
            watched = line.event != "paused"
        return watched

    def exported(self, at: float) -> dict[str, Any]:
        """The withdrawn keys, as the payload of OpenID Federation's historical keys response."""
        return {
            "iss": self.issuer,
            "iat": int(at),
            "keys": [_historical(one) for one in self.spans if one.until],
        }


def _read(text: str, number: int, previous: str) -> Line:
    try:
        members: dict[str, Any] = json.loads(text)
        line = Line(**members)
    except (ValueError, TypeError):
        raise Broken(number + 1, "it is not a line of a key history") from None
    timed = type(members.get("at")) in (int, float)
    if not timed or line.event not in EVENTS or line.text() != text:
        raise Broken(number + 1, "it is not a line of a key history")
    if line.number != number or line.previous != previous:
        raise Broken(number + 1, "it does not follow from the line before")
    if (line.event == "began") != (number == 0):
        raise Broken(number + 1, "a history has one beginning")
    return line


def _require_head(lines: list[Line], head: str | None) -> None:
    if head is None:
        raise Broken(len(lines), "the head of the history is missing, so that its end cannot be checked")
    latest = [f"{line.number} {line.digest}" for line in lines[-2:]]
    if head.strip() not in latest:
        raise Broken(len(lines) + 1, "the history does not end where its head says: lines are missing")


def _is(span: Span, line: Line) -> bool:
    same = (span.key.kid, span.key.thumbprint) == (line.kid, line.thumbprint)
    return span.until is None and same


def _historical(span: Span) -> dict[str, Any]:
    assert span.until is not None  # noqa: S101 - only withdrawn keys are historical
    told = dict(span.key.jwk) | {"iat": int(span.since), "exp": math.ceil(span.until)}
    if span.leaked is not None:
        told["revoked"] = {"revoked_at": int(span.leaked), "reason": "compromised"}
    return told


def names(spans: Iterable[Span], kid: str | None) -> list[Span]:
    """The spans of keys with this key id."""
    return [one for one in spans if one.key.kid == kid]

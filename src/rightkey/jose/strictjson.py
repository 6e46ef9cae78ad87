"""JSON read strictly: one meaning a document, bounded nesting, and every parser error the same error.

orjson judges the text (UTF-8, surrogates, NaN, infinities, what follows the end). Where a name twice
would let two readers see two documents, the standard library's parser is asked for nothing but names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import isinf
from typing import Any, TypeAlias

import orjson

MAX_DEPTH = 32
"""How deep arrays and objects may be nested in anything that comes from outside."""
MAX_COPIED = 32
"""How many arrays and objects a document may have that is copied, and not read again."""

MAX_IN_PAYLOAD = (5000, 2500)
"""Commas, and arrays and objects, in a token's payload, those inside of strings left out. It is read before
its signature is checked, and 64 KiB of empty objects took a hundred times as long as that check. A user with
2,000 roles, each of them an object with two members, stays below."""
MAX_IN_HEADER = (256, 64)
"""The same in a token's header."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_Inner: TypeAlias = "tuple[tuple[Any, _Inner], ...]"
"""Where in an object or array others are, by name or index, and where in each of those."""


class NotJson(ValueError):
    """The text is not JSON as it is required here. The message never quotes the text."""


def read_object(text: bytes, most: tuple[int, int] | None = MAX_IN_PAYLOAD) -> dict[str, Any]:
    """Read a JSON object in which the last of equal names counts (RFC 7519, section 4).

    Args:
        most: commas, and arrays and objects, that it may have; any number if None.

    Raises:
        NotJson: it has more, is no object, or is not JSON as it is required here.
    """
    # An array or object takes two octets, and a comma with its value as many.
    if most is not None and len(text) > 2 * most[1]:
        _require_little(text, most)
    try:
        value = _loads(text)
    except ValueError as error:
        told = _first_words(text, error)
        vars(error).pop("doc", None)  # the whole text, which the context of the next error would hold
        raise NotJson(f"not JSON: {told}") from None
    # Each level needs a bracket of its own, so that counting them settles nearly every document.
    if _brackets(text) > MAX_DEPTH:
        _require_shallow(value)
    if type(value) is not dict:
        raise NotJson("not a JSON object")
    return value


_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = rb"[:,\[\s]-?\d{19}"


def _loads(text: bytes) -> Any:
    """What orjson reads, but with every digit of an integer outside 64 bits, of which orjson makes a float:
    two user ids must not become one. JSON is read again only where a number has nineteen digits. (Every sixth
    octet shows three of them, and to look at those takes a third of the time of looking at all. orjson has
    refused what is too large for a float, so that few digits are left.)
    """
    value = orjson.loads(text)
    # By find: `in` asks first whether these octets are a number, by an exception.
    if text[::6].translate(_DIGITS).find(b"000") >= 0 and re.search(_LONG, text):
        with suppress(RecursionError):  # too deep for Python 3.11: refused right behind this
            value = json.loads(text)
    return value


class Repeated:
    """An object that was read before and found in order, for readers who each want it for themselves.

    From the second reading on it is copied, in a third of the time; but not where it holds so many arrays and
    objects that to copy each of them takes longer than to read them all.
    """

    __slots__ = ("_kept",)

    def __init__(self, text: bytes) -> None:
        self._kept: bytes | tuple[dict[str, Any], _Inner] = text

    def read(self) -> dict[str, Any]:
        """The object, as the caller's own: to change it changes no other."""
        kept = self._kept
        if type(kept) is bytes:
            value: dict[str, Any] = _loads(kept)
            if _brackets(kept) > MAX_COPIED:
                return value
            self._kept = kept = value, _inner(value)
        own: dict[str, Any] = _copy(*kept)
        return own


def read_unique(text: bytes, most: tuple[int, int] | None = None) -> dict[str, Any]:
    """Read as `read_object` does an object that has no name twice, at any level (RFC 7515, section 5.2)."""
    value = read_object(text, most)  # first, so that what follows is well-formed
    _pairs(text, _unique)
    return value


def read_members(text: bytes) -> dict[str, Any]:
    """Read a JSON object as `read_unique` does, but for what is inside it: an object with a name twice
    becomes `NAMED_TWICE`, and what no two readers need take for the same `ODD`, so that one bad member, of
    this object or of an array in it, need not harm the rest."""
    try:
        read_object(text, None)
        value = _pairs(text, _unique_or_marked)
    except NotJson as error:
        value = _with_odd_values(text)
        if not isinstance(value, dict) and value is not NAMED_TWICE:
            raise error from None
    if value is NAMED_TWICE:
        raise NotJson("a name stands twice in one object")
    return dict(value)


def read_document(text: bytes, most: tuple[int, int] | None = None) -> dict[str, Any]:
    """Read as `read_unique` does, and leave out members that two readers may take for different ones."""
    try:
        return read_unique(text, most)
    except NotJson as error:
        value = _with_odd_values(text)
        if type(value) is not dict or marked(value) or (most is not None and _is_beyond(text, most)):
            raise error from None
    return unmarked(value)


NAMED_TWICE = object()
"""Stands for an object in which a name stood twice."""
ODD = object()
"""Stands for what is, or has in it, a number too large for a float, or half of a surrogate pair: both are
JSON (RFC 8259, sections 6 and 8.2). A key's modulus may be such a number where it should be a text."""
_TOO_LARGE = object()
_DIGITS_OF_A_FLOAT = 308


def _with_odd_values(text: bytes) -> Any:
    """What orjson refused, if it is JSON for the standard library; None where it is not. What is odd in the
    outermost object itself, or in an array there, is `ODD` each alone."""
    outermost: Any = None

    def read(pairs: list[tuple[str, Any]]) -> Any:
        nonlocal outermost
        members = outermost = _unique_or_marked(pairs)
        if members is NAMED_TWICE:
            return members
        return ODD if any(map(_is_odd, (*members, *members.values()))) else members

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=read,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_refuse,
        )
        _require_shallow(value)
    except (ValueError, RecursionError):
        return None
    if value is not ODD:
        return value
    return {name: _each_alone(one) for name, one in outermost.items() if not _is_odd(name)}


def _each_alone(value: Any) -> Any:
    if type(value) is list:
        return [ODD if _is_odd(one) else one for one in value]
    return ODD if _is_odd(value) else value


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) <= _DIGITS_OF_A_FLOAT else _TOO_LARGE


def _fraction(digits: str) -> Any:
    number = float(digits)
    return _TOO_LARGE if isinf(number) else number


def _refuse(constant: str) -> Any:
    raise NotJson(f"{constant} is not JSON")


def _is_odd(value: Any) -> bool:
    """Whether it makes the object odd that has it. Objects in an array are odd each by itself."""
    if type(value) is list:
        return any(_is_odd(one) for one in value if one is not ODD)
    if isinstance(value, str):
        return re.search("[\ud800-\udfff]", value) is not None
    return value is ODD or value is _TOO_LARGE


def marked(value: Any) -> bool:
    """Whether a value of `read_members` is `NAMED_TWICE`, or holds it anywhere inside."""
    return value is NAMED_TWICE or any(map(marked, _members(value)))


def unmarked(document: dict[str, Any]) -> dict[str, Any]:
    """A document of `read_members` without what is marked in it, which is JSON again."""

    def is_plain(value: Any) -> bool:
        return value is not ODD and not marked(value)

    kept = {name: [*filter(is_plain, one)] if type(one) is list else one for name, one in document.items()}
    return {name: one for name, one in kept.items() if is_plain(one)}


def copied(value: dict[str, Any]) -> dict[str, Any]:
    """A copy at every depth: changing it changes nothing else."""
    own: dict[str, Any] = _copy(value, _inner(value))
    return own


def without_mark(text: bytes) -> bytes:
    """The text without the byte order mark that some servers put in front (RFC 8259, section 8.1)."""
    return text.removeprefix(b"\xef\xbb\xbf")


def _require_little(text: bytes, most: tuple[int, int]) -> None:
    """Work is bounded before it is begun: counting takes a hundredth of the time of reading."""
    if _is_beyond(text, most):
        raise NotJson(f"more than {most[0]:,} commas, or {most[1]:,} arrays and objects")


def _is_beyond(text: bytes, most: tuple[int, int]) -> bool:
    return _has_more(text, most) and _has_more(_without_strings(text), most)


def _has_more(text: bytes, most: tuple[int, int]) -> bool:
    return _brackets(text) > most[1] or text.count(b",") > most[0]


def _without_strings(text: bytes) -> bytes:
    """What stands outside of strings, up to where the text is no JSON any more."""
    return b"".join(text.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])


def _pairs(text: bytes, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    try:
        return json.loads(text, object_pairs_hook=hook)
    except RecursionError:  # Python 3.11; later ones go deeper than `read_object` does
        raise NotJson(_TOO_DEEP) from None


def _unique_or_marked(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    # `read_object` saw but the last of equal names, and the others may be deep.
    _require_shallow([value for _, value in pairs])
    return NAMED_TWICE


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if _unique_or_marked(pairs) is NAMED_TWICE:
        raise NotJson("a name stands twice in one object")


def _brackets(text: bytes) -> int:
    """How many open in it, in strings too. (To leave them out is quicker than `count`, which looks at each
    octet.)"""
    return len(text) - len(text.replace(b"{", b"").replace(b"[", b""))


def _inner(value: Any) -> _Inner:
    members = value.items() if type(value) is dict else enumerate(value)
    return tuple((name, _inner(one)) for name, one in members if type(one) in (dict, list))


def _copy(value: Any, inner: _Inner) -> Any:
    copy = value.copy()
    for name, deeper in inner:
        copy[name] = _copy(copy[name], deeper)
    return copy


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        # Only what has an inside is kept, in line: a call for each number took three times as long.
        level = [
            one
            for outer in level
            for one in (outer.values() if type(outer) is dict else outer if type(outer) is list else ())
            if type(one) is dict or type(one) is list
        ]
        if not level:
            return
    raise NotJson(_TOO_DEEP)


def _members(value: Any) -> Iterable[Any]:
    if type(value) is dict:
        return value.values()
    return value if type(value) is list else ()


_LOOKS = ((b"<", "it is a web page or XML"), (b"\xff\xfe", "it is UTF-16"), (b"\xfe\xff", "it is UTF-16"))


def _first_words(text: bytes, error: ValueError) -> str:
    """What is wrong with it: what it looks like, or what orjson says, which quotes nothing."""
    bare = text.lstrip()
    if not bare:
        return "it is empty"
    looks = (what for begins, what in _LOOKS if bare.startswith(begins))
    return next(looks, None) or str(error).partition(": line ")[0]

"""JSON read strictly: one meaning a document, bounded nesting, and every parser error the same error.

orjson judges the text (UTF-8, surrogates, NaN, infinities, what follows the end). Where a name twice
would let two readers see two documents, the standard library's parser is asked for nothing but names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import orjson

MAX_DEPTH = 32
"""How deep arrays and objects may be nested in anything that comes from outside."""


class NotJson(ValueError):
    """The text is not JSON as it is required here. The message never quotes the text."""


def read_object(text: bytes) -> dict[str, Any]:
    """Read a JSON object in which the last of equal names counts (RFC 7519, section 4)."""
    try:
        value = orjson.loads(text)
    except ValueError as error:  # orjson's message names what is wrong and where, and quotes nothing
        raise NotJson(f"not JSON: {_first_words(error)}") from None
    # Each level needs a bracket of its own, so that counting them settles nearly every document.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        raise NotJson(f"nested deeper than {MAX_DEPTH} levels")
    if type(value) is not dict:
        raise NotJson("not a JSON object")
    return value


read_again: Callable[[bytes], Any] = orjson.loads
"""Read what `read_object` has read before, and found in order."""


def read_unique(text: bytes) -> dict[str, Any]:
    """Read a JSON object that has no name twice, at any level (RFC 7515, section 5.2)."""
    value = read_object(text)  # first, so that what follows is well-formed
    _pairs(text, _unique)
    return value


def read_members(text: bytes) -> dict[str, Any]:
    """Read a JSON object as `read_unique` does, but for objects inside it: of those, one with a name
    twice becomes `NAMED_TWICE`, so that one bad member of an array need not harm the rest."""
    read_object(text)
    value = _pairs(text, _unique_or_marked)
    if value is NAMED_TWICE:
        raise NotJson("a name stands twice in one object")
    return dict(value)


NAMED_TWICE = object()
"""Stands for an object in which a name stood twice."""


def marked(value: Any) -> bool:
    """Whether a value of `read_members` is `NAMED_TWICE`, or holds it anywhere inside."""
    return value is NAMED_TWICE or any(map(marked, _members(value)))


def without_mark(text: bytes) -> bytes:
    """The text without the byte order mark that some servers put in front (RFC 8259, section 8.1)."""
    return text.removeprefix(b"\xef\xbb\xbf")


def _pairs(text: bytes, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    try:
        return json.loads(text, object_pairs_hook=hook, parse_int=float)  # int would count the digits
    except RecursionError:  # `read_object` sees but the last of equal names, and what it hides may be deep
        raise NotJson(f"nested deeper than {MAX_DEPTH} levels") from None


def _unique_or_marked(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    return members if len(members) == len(pairs) else NAMED_TWICE


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if _unique_or_marked(pairs) is NAMED_TWICE:
        raise NotJson("a name stands twice in one object")


def _deeper_than(levels: int, value: Any) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _members(outer)]
    return any(type(one) in (dict, list) for one in level)


def _members(value: Any) -> Iterable[Any]:
    if type(value) is dict:
        return value.values()
    return value if type(value) is list else ()


def _first_words(error: ValueError) -> str:
    return str(error).partition(": line ")[0]

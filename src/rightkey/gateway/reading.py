"""Reading: tables of TOML, with errors that say where the mistake is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rightkey.errors import Misconfigured, quoted
from rightkey.integrations.settings import nearest


def tables(document: Mapping[str, Any], name: str) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """Those of an array of tables, each with its place from 1. Raises Misconfigured."""
    said = document.get(name, [])
    if not isinstance(said, list) or not all(isinstance(table, dict) for table in said):
        raise Misconfigured(f"{name} must be written as [[{name}]], once for each")
    return [*enumerate(said, 1)]


def table_of(said: Any) -> Mapping[str, Any]:
    """What must be a table. Raises Misconfigured."""
    if not isinstance(said, Mapping):
        raise Misconfigured("it must be a table")
    return said


def text_of(document: Mapping[str, Any], name: str) -> str | None:
    """A setting that is text, if it is there. Raises Misconfigured."""
    said = document.get(name)
    if not isinstance(said, str | None):
        raise Misconfigured(f"{name} must be text")
    return said


def word_of(document: Mapping[str, Any], name: str) -> str | None:
    """A setting that can be in a path as it is, if it is there. Raises Misconfigured."""
    said = text_of(document, name)
    if said is not None and not re.fullmatch(r"[A-Za-z0-9._~:@-]+", said):
        raise Misconfigured(f"{name} must be letters, digits and -._~:@")
    return said


def require_known(table: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raises Misconfigured where a table has a name that is none of these."""
    for name in table:
        if name not in names:
            near = nearest(name, names, 0.6)
            hint = f"did you mean {near}?" if near else f"known: {', '.join(names)}"
            raise Misconfigured(f"unknown setting {quoted(name)}", hint=hint)


@contextmanager
def at(place: str) -> Iterator[None]:
    """Have an error say where the mistake is."""
    try:
        yield
    except Misconfigured as error:
        raise Misconfigured(f"{place}: {error}", hint=error.hint) from None


def are_texts(said: Any) -> bool:
    """Whether it is a list of text."""
    return isinstance(said, list | tuple) and all(isinstance(one, str) for one in said)

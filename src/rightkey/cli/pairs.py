"""Pairs: NAME=VALUE, as claims and a command's own fields are given."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rightkey.cli.errors import BadUse
from rightkey.errors import quoted


def pairs_of(texts: Iterable[str]) -> dict[str, Any]:
    """Names and values: a value is JSON, or else a text as it stands. Raises BadUse."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise BadUse(f"expected NAME=VALUE, got {quoted(text)}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found

"""Whose token it may be by the form of its `iss`, where one issuer stands for many tenants.

A form is found by a hash of its fixed parts, so that a token that no form fits costs the same however many
forms there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from rightkey.issuer.vendor import ANY_GUID, GUID, TENANT, Vendor

Owner = TypeVar("Owner")

MAX_ISSUER = 2048
"""Characters of an `iss` that is looked at."""
_HOLE = "{}"
_GUIDS = re.compile(GUID)
_ORIGIN = re.compile("[^:/]*://[^/]*")


class Forms(Generic[Owner]):
    """Finds the owner of an issuer whose form a token's `iss` has.

    Args:
        rows: of each issuer its vendor, the spellings and forms of `iss` that pass there, and its owner.
            Those that are exact are passed over: find these in a dict first.
    """

    def __init__(self, rows: Iterable[tuple[Vendor | None, tuple[str, ...], Owner]]) -> None:
        self._rows: dict[str, list[tuple[Vendor, tuple[str, ...], Owner]]] = {}
        for vendor, spellings, owner in rows:
            if vendor is None:
                continue
            for form in spellings:
                if vendor.any_case or TENANT in form or ANY_GUID in form:
                    self._rows.setdefault(_key_of_form(form), []).append((vendor, spellings, owner))

    def owner(self, claims: Mapping[str, Any]) -> Owner | None:
        """The first owner, in the order given, one of whose forms this `iss` has; None where none has."""
        iss = claims.get("iss")
        if not self._rows or not isinstance(iss, str) or len(iss) > MAX_ISSUER:
            return None
        for key in _keys_of_iss(iss):
            for vendor, spellings, owner in self._rows.get(key, ()):
                if vendor.issued(spellings, claims):
                    return owner
        return None


def _key_of_form(form: str) -> str:
    origin, path = _parts(form.replace(TENANT, _HOLE).replace(ANY_GUID, _HOLE))
    return (origin + _GUIDS.sub(_HOLE, path)).lower()


def _keys_of_iss(iss: str) -> tuple[str, str]:
    """Its path without GUIDs, and its host both with them and without: either may be a form's fixed part."""
    origin, path = _parts(iss)
    path = _GUIDS.sub(_HOLE, path)
    return (origin + path).lower(), (_GUIDS.sub(_HOLE, origin) + path).lower()


def _parts(url: str) -> tuple[str, str]:
    """The scheme and host, and what follows."""
    origin = _ORIGIN.match(url)
    at = origin.end() if origin else 0
    return url[:at], url[at:]

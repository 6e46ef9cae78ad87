"""Which keys of a set fit a token's header, and in which order, found without walking through the set.

A set is an issuer's document and may have 1,000 keys; a header is a stranger's. So each question is answered
from a table that is made once, when the set is.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from rightkey.jose.key import Key

MAX_FITTING = 64
"""How many keys are found for one header. Fewer are ever tried: eight, and after a refetch four more."""

_NONE: tuple[Key, ...] = ()


if TYPE_CHECKING:  # a protocol takes as long to make as the rest of this module

    class Named(Protocol):
        """What of a token's header chooses a key."""

        @property
        def alg(self) -> str: ...
        @property
        def kid(self) -> str | None: ...
        @property
        def x5t(self) -> str | None: ...
        @property
        def x5t_s256(self) -> str | None: ...


class Index:
    """The keys of a set by what a header may name them by."""

    __slots__ = ("_any", "_by_kid", "_by_thumbprint", "_by_x5t", "_found", "_unnamed")

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._by_kid = _grouped((key.kid, key) for key in keys if key.kid is not None)
        self._by_thumbprint = {key.thumbprint: key for key in keys}
        self._by_x5t = _grouped((x5t, key) for key in keys for x5t in key.x5t)
        self._any = _few((alg, key) for key in keys for alg in key.checks)
        self._unnamed = _few((alg, key) for key in keys if key.kid is None for alg in key.checks)
        self._found: dict[tuple[str, str], tuple[Key, ...]] = {}
        """What fitted before, by key id and algorithm. Only key ids of the set: no token makes it grow."""

    def fitting(self, header: Named) -> tuple[Key, ...]:
        """The keys that may have signed under this header, likeliest first."""
        kid, alg = header.kid, header.alg
        if kid is None:
            return self._certified(header) if header.x5t or header.x5t_s256 else self._any.get(alg, _NONE)
        found = self._found.get((kid, alg))
        if found is None:
            found = self._named(kid, alg)
            if kid in self._by_kid:
                self._found[kid, alg] = found
        return found

    def holding(self, thumbprint: str) -> Key | None:
        """The key with this RFC 7638 thumbprint."""
        return self._by_thumbprint.get(thumbprint)

    def _named(self, kid: str, alg: str) -> tuple[Key, ...]:
        """Those of this key id, those without a key id, and the one of this thumbprint."""
        unnamed = self._unnamed.get(alg, _NONE)
        same = self._by_thumbprint.get(kid)
        if same is None and kid not in self._by_kid:
            return unnamed
        named = [key for key in self._by_kid.get(kid, ()) if alg in key.checks]
        last = (same,) if same is not None and alg in same.checks else _NONE
        return _once(*named, *unnamed, *last)

    def _certified(self, header: Named) -> tuple[Key, ...]:
        """Those with the certificate that the header names: found by one of its thumbprints, held to both."""
        wanted = {x5t for x5t in (header.x5t, header.x5t_s256) if x5t}
        named = islice(self._by_x5t.get(next(iter(wanted)), ()), MAX_FITTING)
        return tuple(key for key in named if header.alg in key.checks and wanted <= key.x5t)


def _grouped(pairs: Iterable[tuple[str, Key]]) -> dict[str, list[Key]]:
    groups: dict[str, list[Key]] = {}
    for name, key in pairs:
        groups.setdefault(name, []).append(key)
    return groups


def _few(pairs: Iterable[tuple[str, Key]]) -> dict[str, tuple[Key, ...]]:
    return {name: tuple(keys[:MAX_FITTING]) for name, keys in _grouped(pairs).items()}


def _once(*keys: Key) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(keys))[:MAX_FITTING]

"""What issuers have answered, each for a while: by the SHA-256 of the token, never by the token."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from rightkey.jose import strictjson

MAX_ACTIVE = 4096
"""Active tokens of one issuer that are remembered; the first to be forgotten is the one longest unasked."""
MAX_ACTIVE_BYTES = 8 * 1024 * 1024
"""Bytes of answers about active tokens of one issuer that are remembered, as they came."""
MAX_INACTIVE = 1024
"""Tokens of one issuer that are remembered as not active, and as many whose answers could not be used:
strangers choose how many there are."""


class Unknown:
    """Stands for: not remembered."""


UNKNOWN: Final = Unknown()


@dataclass(slots=True)
class _Kept:
    claims: dict[str, Any]
    until: float
    size: int


class Answers:
    """One issuer's. Times are in `elapsed` seconds. Call with the guard held.

    An active token stays known as one after its answer has lost its life, so that a flood of garbage is told
    from it when it is asked about again.
    """

    def __init__(self) -> None:
        self._active: OrderedDict[bytes, _Kept] = OrderedDict()
        self._inactive: OrderedDict[bytes, float] = OrderedDict()
        self._unusable: OrderedDict[bytes, float] = OrderedDict()
        self._bytes = 0

    def recall(self, digest: bytes, now: float) -> dict[str, Any] | Unknown | None:
        """The claims of an active token, as the caller's own; None of one that is not; or UNKNOWN."""
        kept = self._active.get(digest)
        if kept is not None and now < kept.until:
            return strictjson.copied(kept.claims)
        return None if now < self._inactive.get(digest, now) else UNKNOWN

    def was_active(self, digest: bytes) -> bool:
        """Whether the last answer about a token, which may have lost its life, was that it is active."""
        return digest in self._active

    def keep(self, digest: bytes, claims: dict[str, Any] | None, until: float, size: int) -> None:
        """Remember an answer: the claims, or None for a token that is not active.

        Args:
            until: when it loses its life.
            size: its bytes, as it came.
        """
        self._drop(digest)
        if claims is None:
            _note(self._inactive, digest, until)
            return
        self._inactive.pop(digest, None)
        self._active[digest] = _Kept(claims, until, size)
        self._bytes += size
        while len(self._active) > MAX_ACTIVE or self._bytes > MAX_ACTIVE_BYTES:
            self._drop(next(iter(self._active)))

    def pause(self, digest: bytes, until: float) -> None:
        """The answer about a token could not be used, and that was of the token alone."""
        _note(self._unusable, digest, until)

    def pause_left(self, digest: bytes, now: float) -> float:
        """Seconds in which this token must not be asked about again."""
        return max(0.0, self._unusable.get(digest, now) - now)

    def _drop(self, digest: bytes) -> None:
        kept = self._active.pop(digest, None)
        if kept is not None:
            self._bytes -= kept.size


def _note(times: OrderedDict[bytes, float], digest: bytes, until: float) -> None:
    times[digest] = until
    times.move_to_end(digest)
    if len(times) > MAX_INACTIVE:
        times.popitem(last=False)

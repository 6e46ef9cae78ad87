"""Resolved: what a resolver said of issuers, kept for a while and in bounds."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from rightkey.errors import IssuerUnavailable, Misconfigured
from rightkey.issuer.name import Issuer
from rightkey.verifier.one import Face

MAX_ISSUER = 2048
"""Letters of an `iss` about which a resolver is asked."""
MAX_STRANGERS = 1024
STRANGER_FOR = 60.0
"""Seconds for which a resolver is not asked again about an issuer that it did not know."""

_Face = TypeVar("_Face", bound=Face)


class Found(NamedTuple, Generic[_Face]):
    """What a resolver said of an issuer, and in `elapsed` seconds until when it counts."""

    face: _Face | None
    until: float


class Row(Generic[_Face]):
    """Answers by issuer, in two generations, so that no use needs a lock: the least used are forgotten."""

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[str, Found[_Face]] = {}
        self._old: dict[str, Found[_Face]] = {}

    def get(self, issuer: str) -> Found[_Face] | None:
        found = self._young.get(issuer)
        if found is None:
            found = self._old.get(issuer)
            if found is not None:
                self.put(issuer, found)
        return found

    def put(self, issuer: str, found: Found[_Face]) -> None:
        if len(self._young) >= self._half and issuer not in self._young:
            self._young, self._old = {}, self._young
        self._young[issuer] = found

    def faces(self) -> list[_Face]:
        return [one.face for one in (self._old | self._young).values() if one.face is not None]


def may_be(issuer: str) -> bool:
    """Whether it could be an issuer at all."""
    try:
        return len(issuer) <= MAX_ISSUER and bool(Issuer.parse(issuer, None))
    except Misconfigured:
        return False


def unresolved(issuer: str, why: str) -> IssuerUnavailable:
    message = f"the trust of issuer {issuer[:200]!a} could not be found: the resolver {why}"
    return IssuerUnavailable("keys_unavailable", message, retry_after=1.0)

"""Denylist: tokens that are refused before they end, by session, subject, token or issuer.

    sid     session_denied     all tokens of one session of a subject's
    sub     subject_denied     a subject's tokens that were issued until then
    jti     token_denied       one token
    none    issuer_denied      all tokens of the issuer that were issued until then

What is kept of a name is a hash, with its kind and its issuer, so that neither the list nor a store tells who
was logged out.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import inf
from sys import float_info
from typing import Any, Literal, NamedTuple, TypeAlias

from rightkey.errors import Misconfigured, quoted
from rightkey.policy.claims import MILLISECONDS
from rightkey.policy.named import settings_by_name

MAX_DENIED = 100_000
"""Sessions, subjects and tokens that are denied at a time, of all issuers. One more is not taken: `deny`
raises `store_unavailable`, and a logout is answered with 503."""
LONGEST = 2_592_000.0
"""Seconds for which a denial is kept, at most: 30 days."""
Kind: TypeAlias = Literal["sid", "sub", "jti", ""]
REASONS: dict[Kind, str] = {
    "jti": "token_denied",
    "sid": "session_denied",
    "sub": "subject_denied",
    "": "issuer_denied",
}
"""Every reason of `token_revoked`, by the claim that is looked up; the last one needs none."""
_ON_LOSS = ("serve", "refuse")
_RECORD = struct.Struct(">32sdd")  # a Denial: its key and its two times


@settings_by_name
@dataclass(frozen=True, slots=True)
class Denylist:
    """Has tokens looked up in a denylist: `Verifier(..., denylist=Denylist(on_loss="refuse"))`.

    Args:
        on_loss: what becomes of tokens that are not known to be denied while the list's store cannot be read:
            `serve` lets them pass, `refuse` answers 503. There is no default: it is yours to choose.
        longest: seconds that tokens of the issuer live, at most: a denial is kept for so long.
        store: where the processes of a fleet share it; by default the verifier's `store`, and this process's
            memory where there is none.
        store_secret: as a verifier's.

    Raises:
        Misconfigured: any of them is not as described.
    """

    on_loss: Literal["serve", "refuse"]
    longest: float = 86_400.0
    store: Any = field(default=None, repr=False)
    store_secret: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.on_loss not in _ON_LOSS:
            raise Misconfigured(f"on_loss must be serve or refuse, not {quoted(self.on_loss)}")
        if type(self.longest) not in (int, float) or not 1 <= self.longest <= LONGEST:
            raise Misconfigured(f"longest must be a number of seconds, from 1 to {LONGEST:g}")

    @property
    def serves(self) -> bool:
        """Whether a token passes that cannot be looked up."""
        return self.on_loss == "serve"


class Denial(NamedTuple):
    """One entry. Times are Unix times in seconds."""

    key: bytes
    """What is denied: see `key_of`."""
    before: float
    """Tokens are refused that were issued then or earlier, or do not say when; `inf` for all."""
    until: float
    """When it ends."""

    def octets(self) -> bytes:
        """As a store keeps it."""
        return _RECORD.pack(*self)


def denial_of(octets: bytes) -> Denial:
    """The entry. Raises ValueError: it is none."""
    if len(octets) != _RECORD.size:
        raise ValueError
    return Denial(*_RECORD.unpack(octets))


def key_of(issuer: str, kind: Kind, value: str = "") -> bytes:
    """What stands for a session, a subject or a token of an issuer, or for all of the issuer's tokens."""
    text = f"{kind}.{len(issuer)}.{issuer}{value}"  # told apart by its length: no two are written alike
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def denial(
    issuer: str,
    now: float,
    longest: float,
    *,
    names: Mapping[Kind, Any],
    before: float | None = None,
    until: float | None = None,
) -> Denial:
    """The entry by which tokens are refused.

    Args:
        issuer: its identity.
        now: Unix time in seconds.
        longest: seconds for which it is kept.
        names: what is denied: one session, subject or token.
        before: tokens issued then or earlier; by default, now for a subject, and any for a session or token.
        until: when it ends; by default after `longest`.

    Raises:
        Misconfigured: not one thing is named, a time is none or in milliseconds, or `until` was over 30 days
            ago.
    """
    named = [(kind, value) for kind, value in names.items() if value is not None]
    if len(named) > 1 or not all(isinstance(value, str) and value for _, value in named):
        raise Misconfigured("name one thing to deny, as text: sid=, sub= or jti=")
    if not named and before is None:
        raise Misconfigured("deny needs sid=, sub= or jti=; or before=, for all tokens issued until then")
    for name, at in (("before", before), ("until", until)):
        if at is not None and (type(at) not in (int, float) or not abs(at) <= float_info.max):
            raise Misconfigured(f"{name} must be a Unix time in seconds")
    if before is not None and before > MILLISECONDS:  # tokens of all later logins would be refused
        raise Misconfigured("before must be a Unix time in seconds: is this one in milliseconds?")
    if until is not None and until < now - LONGEST:  # nothing would be denied, without a word
        raise Misconfigured("until is long past: it must be a Unix time in seconds, and no duration")
    thing: tuple[Kind, Any] = named[0] if named else ("", "")
    kind, value = thing
    issued = before if before is not None else now if kind == "sub" else inf
    ends = now + longest if until is None else min(until, now + LONGEST)
    return Denial(key_of(issuer, kind, value), issued, ends)


class DenialSet:
    """The entries that one process knows, in bounds. A look takes no lock.

    Args:
        guard: held for each change.
        most: how many there are.
    """

    def __init__(self, guard: AbstractContextManager[object], most: int = MAX_DENIED) -> None:
        self._guard, self._most = guard, most
        self._entries: dict[bytes, Denial] = {}

    def add(self, denial: Denial, now: float) -> bool:
        """Whether it is taken: there may be no room. Of two of one thing, the longer counts."""
        with self._guard:
            known = self._entries.get(denial.key)
            if known is None and len(self._entries) >= self._most:
                self._entries = {key: one for key, one in self._entries.items() if one.until > now}
            if known is None and len(self._entries) >= self._most:
                return False
            self._entries[denial.key] = denial if known is None else _both(known, denial)
            return True

    def reason(self, issuers: Iterable[str], claims: Mapping[str, Any], now: float) -> str | None:
        """Why a token is refused, by a reason of `REASONS`; None where it is not.

        Args:
            issuers: the identities under which it may be denied.
            claims: the token's.
            now: Unix time in seconds.
        """
        entries, issued = self._entries, claims.get("iat")
        if not entries:
            return None
        for issuer in issuers:
            for kind, reason in REASONS.items():
                value = claims.get(kind) if kind else ""
                known = entries.get(key_of(issuer, kind, value)) if isinstance(value, str) else None
                if known is not None and now < known.until and not _is_later(issued, known.before):
                    return reason
        return None

    def lacking(self, there: Iterable[Denial], now: float) -> list[Denial]:
        """What is known here and denies more than what is there."""
        others: dict[bytes, Denial] = {}
        for one in there:
            others[one.key] = _both(others.get(one.key, one), one)
        mine = [one for one in list(self._entries.values()) if one.until > now]
        return [one for one in mine if _both(others.get(one.key, _nothing(one)), one) != others.get(one.key)]

    def __len__(self) -> int:
        return len(self._entries)


def _both(one: Denial, other: Denial) -> Denial:
    """One denial for two of the same thing: it refuses what either does."""
    return Denial(one.key, max(one.before, other.before), max(one.until, other.until))


def _nothing(one: Denial) -> Denial:
    """A denial of the same thing that refuses nothing."""
    return Denial(one.key, -inf, -inf)


def _is_later(issued: Any, before: float) -> bool:
    """Whether a token was certainly issued after that time. What says nothing was not."""
    return type(issued) in (int, float) and issued > before

"""Snapshot: one good answer, and how long what it says may be used.

Times are `elapsed` seconds, which never go back; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rightkey.freshness.settings import Freshness
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.jose.skipped import Skipped


class Life(NamedTuple):
    """For how many seconds an answer is fresh, and for how many more it may serve while none can be had."""

    fresh: float
    stale: float


def life_of(headers: Mapping[str, str], freshness: Freshness, hint: float | None = None) -> Life:
    """What an answer's headers say of its life, within the settings' bounds (RFC 9111, 5.2.2; RFC 5861).

    Args:
        hint: what the document itself says of it, in seconds; the shorter of the two counts.
    """
    directives = _directives(headers.get("cache-control", ""))
    max_age = _seconds(directives.get("max-age"))
    said = None if max_age is None else max_age - (_seconds(headers.get("age")) or 0)
    fresh = min((one for one in (said, hint) if one is not None), default=freshness.life)
    allowed = 0.0 if "must-revalidate" in directives else _seconds(directives.get("stale-if-error"))
    stale = freshness.stale_if_error
    if allowed is not None:
        stale = min(stale, max(allowed, freshness.min_stale))
    return Life(min(max(fresh, freshness.min_life), freshness.max_life), stale)


def _directives(value: str) -> dict[str, str]:
    """Of one that stands twice the first counts, as where a server and a proxy each add a header (RFC 9111,
    section 4.2.1)."""
    parts = [part.partition("=") for part in value.lower().split(",")]
    return {name.strip(): argument.strip().strip('"') for name, _, argument in reversed(parts)}


def _seconds(text: str | None) -> float | None:
    text = (text or "").partition(",")[0].strip()
    return float(text[:12]) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One good answer and its times. Immutable: readers need no lock.

    `published` is what the issuer says; `keys` is that and what lingers, less what is leaked or distrusted.
    """

    published: KeySet = field(repr=False)
    keys: KeySet
    began: float
    """When the request began: what the answer says was so then at the earliest."""
    refresh_at: float
    fresh_until: float
    stale_until: float
    url: str | None = field(default=None, repr=False)
    etag: str | None = None
    modified: str | None = None
    control: str | None = None
    """Its `Cache-Control`, which an answer that renews it need not repeat (RFC 9111, section 4.3.4)."""
    lingering: tuple[Key, ...] = ()
    """Keys of the answer before that this one lacks, and that serve on under a grace."""
    linger_until: float = 0.0


def snapshot_of(
    published: KeySet,
    keys: KeySet,
    began: float,
    headers: Mapping[str, str],
    freshness: Freshness,
    jitter: float,
    url: str | None = None,
) -> Snapshot:
    """Give an answer its times.

    Args:
        jitter: from 0 to 1; spreads the refresh over the last fifth of the life, so that the processes
            of a service do not ask all at once.
    """
    life = life_of(headers, freshness, published.refresh_hint)
    fresh_until = began + life.fresh
    return Snapshot(
        published=published,
        keys=keys,
        began=began,
        refresh_at=_refresh_at(began, fresh_until, jitter),
        fresh_until=fresh_until,
        stale_until=fresh_until + life.stale,
        url=url,
        etag=headers.get("etag"),
        modified=headers.get("last-modified"),
        control=headers.get("cache-control"),
    )


def renewed(before: Snapshot, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a 304, with those that it leaves out since they have not changed (RFC 9111, 4.3.4)."""
    kept = {"etag": before.etag, "last-modified": before.modified, "cache-control": before.control}
    return {name: value for name, value in kept.items() if value} | dict(headers)


def with_grace(snapshot: Snapshot, before: Snapshot | None, now: float, grace: float) -> Snapshot:
    """The same, with the keys that were served before and that this answer says nothing of.

    What lingered already is gone: two answers in a row have lacked it. So is what was past its bound: nothing
    comes back. A second look is taken halfway through the grace, and after it nothing lingers, whether or not
    the issuer answered.
    """
    if before is None or not grace or now >= before.stale_until:
        return snapshot
    # A kid that has another key now was replaced, and a member that is skipped now was withdrawn by its own
    # words, or leaked: neither is missing.
    told = {name for one in (*snapshot.published, *snapshot.published.skipped) for name in _names_of(one)}
    served = (key for key in before.keys if key not in before.lingering)
    missing = tuple(key for key in served if not told.intersection(_names_of(key)))
    if not missing:
        return snapshot
    refresh_at = min(snapshot.refresh_at, now + grace / 2)
    return replace(snapshot, lingering=missing, linger_until=now + grace, refresh_at=refresh_at)


def _names_of(one: Key | Skipped) -> list[str]:
    """What an answer may know a key by: its key id and its thumbprint."""
    return [name for name in (one.kid, one.thumbprint) if name]


def respread(snapshot: Snapshot, jitter: float) -> Snapshot:
    """The same, refreshed at another moment; but for a second look at what is missing, whose time is set."""
    if snapshot.lingering:
        return snapshot
    return replace(snapshot, refresh_at=_refresh_at(snapshot.began, snapshot.fresh_until, jitter))


def _refresh_at(began: float, fresh_until: float, jitter: float) -> float:
    return fresh_until - (fresh_until - began) * (0.2 - 0.1 * jitter)

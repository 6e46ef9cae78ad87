"""How long keys live: the settings, what an answer's headers make of them, and the snapshot that results.

All times here are `elapsed` seconds, which never go back; nothing reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from rightkey.errors import Misconfigured
from rightkey.keyset import KeySet


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh keys are kept, and how hard an issuer may be asked. All in seconds but where said.

    Args:
        life: of a key set whose answer has no `max-age`.
        min_life: at the least, whatever the answer says (15 s have been seen).
        max_life: at the most (44 days have been seen).
        stale_if_error: for how long past its life a set serves while the issuer gives no good answer.
            The issuer may shorten it, never lengthen it.
        min_stale: the least that the issuer may shorten it to.
        metadata_life: for how long metadata is not asked for again.
        metadata_stale: for how long it serves while it cannot be had.
        metadata_recheck: the age past which metadata is asked for again where forced refetches of the
            keys brought nothing new.
        connect_timeout: to a connection.
        timeout: of one request, from the look-up of the name to the last octet.
        max_body: of one answer, in bytes, decompressed.
        wait: how long one caller waits in all.
        waiting_threads: how many threads may wait for one issuer's forced refetch; a number.
        draws: how many forced refetches may be made at once; a number.
        draw_every: after how long there is one more.

    Raises:
        Misconfigured: a value is not a positive number, or a least exceeds its most.
    """

    life: float = 600.0
    min_life: float = 300.0
    max_life: float = 3600.0
    stale_if_error: float = 3600.0
    min_stale: float = 600.0
    metadata_life: float = 3600.0
    metadata_stale: float = 86400.0
    metadata_recheck: float = 600.0
    connect_timeout: float = 2.0
    timeout: float = 4.0
    max_body: int = 512 * 1024
    wait: float = 8.0
    waiting_threads: int = 16
    draws: int = 2
    draw_every: float = 10.0

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            zero = setting.name in _MAY_BE_ZERO
            if not number or value < 0 or (value == 0 and not zero):
                raise Misconfigured(f"{setting.name} is a number, positive{' or zero' * zero}, not {value!r}")
        if not self.min_life <= self.max_life:
            raise Misconfigured("min_life is over max_life")


_MAY_BE_ZERO = ("stale_if_error", "min_stale", "draws")


@dataclass(frozen=True, slots=True)
class Life:
    """For how many seconds an answer is fresh, and for how many more it may serve while none can be had."""

    fresh: float
    stale: float


def life_of(headers: Mapping[str, str], freshness: Freshness) -> Life:
    """What an answer's headers say of its life, within the settings' bounds (RFC 9111, 5.2.2; RFC 5861)."""
    directives = _directives(headers.get("cache-control", ""))
    max_age = _seconds(directives.get("max-age"))
    fresh = freshness.life if max_age is None else max_age - (_seconds(headers.get("age")) or 0)
    allowed = 0.0 if "must-revalidate" in directives else _seconds(directives.get("stale-if-error"))
    stale = freshness.stale_if_error
    if allowed is not None:
        stale = min(stale, max(allowed, freshness.min_stale))
    return Life(min(max(fresh, freshness.min_life), freshness.max_life), stale)


def _directives(value: str) -> dict[str, str]:
    parts = (part.partition("=") for part in value.lower().split(","))
    return {name.strip(): argument.strip().strip('"') for name, _, argument in parts}


def _seconds(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text[:12]) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One good answer and its times. Immutable: readers need no lock.

    `published` is what the issuer says; `keys` is that less what is leaked or distrusted.
    """

    published: KeySet = field(repr=False)
    keys: KeySet
    began: float
    """When the request began: what the answer says was so then at the earliest."""
    refresh_at: float
    fresh_until: float
    stale_until: float
    url: str | None = None
    etag: str | None = None
    modified: str | None = None


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
    life = life_of(headers, freshness)
    fresh_until = began + life.fresh
    return Snapshot(
        published=published,
        keys=keys,
        began=began,
        refresh_at=fresh_until - life.fresh * (0.2 - 0.1 * jitter),
        fresh_until=fresh_until,
        stale_until=fresh_until + life.stale,
        url=url,
        etag=headers.get("etag"),
        modified=headers.get("last-modified"),
    )

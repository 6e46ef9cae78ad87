"""Telling: what came of a refresh, as the events that a listener is handed."""

from __future__ import annotations

from collections.abc import Iterable

from rightkey.errors import IssuerFault
from rightkey.events import Event, FetchFailed, KeysFetched, KeysMissing, KeysRotated, ServedStale
from rightkey.keys import Key
from rightkey.keyset import KeySet
from rightkey.snapshot import Snapshot


def fetched(issuer: str, keys: KeySet, *, forced: bool) -> KeysFetched:
    return KeysFetched(issuer, len(keys), len(keys.skipped), forced)


def missing(issuer: str, keys: tuple[Key, ...], grace: float) -> list[KeysMissing]:
    """Of the keys that serve on under a grace; nothing where there are none."""
    return [KeysMissing(issuer, _names(KeySet(keys).identities), grace)] if keys else []


def rotated(issuer: str, before: KeySet, after: KeySet) -> KeysRotated:
    added, removed = after.identities - before.identities, before.identities - after.identities
    return KeysRotated(issuer, _names(added), _names(removed))


def failed(
    issuer: str, failure: IssuerFault, held: Snapshot | None, now: float, *, forced: bool, pause: float
) -> list[Event]:
    """Of an attempt that failed, after which `held` may serve on past its life. `pause`: seconds."""
    events: list[Event] = [FetchFailed(issuer, failure.code, str(failure), forced, pause)]
    if held is not None and held.fresh_until <= now < held.stale_until:
        events.append(ServedStale(issuer, held.stale_until - now))
    return events


def _names(identities: Iterable[tuple[str | None, str | None, str]]) -> tuple[str, ...]:
    return tuple(sorted(kid if kid is not None else thumbprint for kid, _, thumbprint in identities))

"""Keys: how the keys of each issuer are, at the moment of asking; what gauges are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rightkey.events import Event, KeysFetched, ServedStale
from rightkey.freshness.status import Status
from rightkey.sources.registry import REGISTRY
from rightkey.telemetry.labels import Labels

Statuses = Callable[[], Iterable[Status]]
"""The statuses of whatever is fetched in this process."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """One issuer's. Seconds but for `keys`, `draws` and `key_set`."""

    issuer: str
    keys: int
    key_set: str
    age: float
    fresh: float
    usable: float
    stale: float
    draws: int


class Keys:
    """What was heard of issuers, beside what their statuses say now.

    Args:
        issuers: those that have a label of their own; of others nothing is told.
        statuses: by default of all keys that this process fetches.
        monotonic: seconds, for how long stale keys have been serving.
    """

    def __init__(
        self,
        issuers: Labels,
        statuses: Statuses = lambda: REGISTRY.statuses(),
        monotonic: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._issuers = issuers
        self._statuses = statuses
        self._monotonic = monotonic
        self._key_sets: dict[str, str] = {}
        self._stale_since: dict[str, float] = {}

    def hear(self, event: Event) -> None:
        """Remember what no status says."""
        issuer = event.issuer
        if issuer not in self._issuers:
            return
        if isinstance(event, KeysFetched):
            self._key_sets[issuer] = event.key_set
            self._stale_since.pop(issuer, None)
        elif isinstance(event, ServedStale):
            self._stale_since.setdefault(issuer, self._monotonic())

    def gauges(self) -> Iterator[Gauges]:
        """One an issuer. Its keys may be held several times, under other settings: the worst counts."""
        worst: dict[str, Status] = {}
        for status in self._statuses():
            if status.issuer in self._issuers and status.age is not None:
                before = worst.get(status.issuer)
                worst[status.issuer] = status if before is None else min(before, status, key=_life_left)
        for issuer, status in worst.items():
            since = self._stale_since.get(issuer)
            yield Gauges(
                issuer=issuer,
                keys=status.keys,
                key_set=self._key_sets.get(issuer, ""),
                age=status.age or 0.0,
                fresh=status.fresh_for or 0.0,
                usable=status.stale_for or 0.0,
                stale=0.0 if since is None else self._monotonic() - since,
                draws=status.draws,
            )


def _life_left(status: Status) -> float:
    return status.stale_for or 0.0

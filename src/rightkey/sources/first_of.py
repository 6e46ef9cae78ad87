"""FirstOf: several sources of one issuer's keys, in order.

The first whose held keys fit a token's header decides: one that is pinned cannot be overruled by one that is
fetched. Newer keys are asked for only where none fits, in the same order. The budget is the issuer's, and so
one for all of them; each source has its own backoff, and its own outages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rightkey.freshness.status import Status
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.sources.jobs import Job
from rightkey.sources.source import Located, MarksInUse, Source
from rightkey.verdict.held import NOTHING, Held, NeedsNewer, Outlook

if TYPE_CHECKING:
    from rightkey.jose.fitting import Named


@dataclass(frozen=True, slots=True)
class Layered(KeySet):
    """Several sets: the first that has a key which fits decides. Iterating goes through the keys of all."""

    layers: tuple[KeySet, ...] = ()

    def fitting(self, header: Named) -> tuple[Any, ...]:
        return next((fitting for layer in self.layers if (fitting := layer.fitting(header))), ())

    def names_refused(self, header: Named) -> bool:
        return all(layer.names_refused(header) for layer in self.layers)


class FirstOfSource:
    """Several sources, each asked in its turn: what a `rightkey.FirstOf` becomes."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources
        self.wait = max(source.wait for source in sources)
        self._in_use = [source for source in sources if isinstance(source, MarksInUse)]
        self._latest: tuple[tuple[Held, ...], Held] = ((), NOTHING)

    def held(self, *, waited: bool = False) -> Held:
        # A list first: a tuple of a generator takes twice the time, at every verification.
        parts = tuple([source.held(waited=waited) for source in self.sources])
        before, held = self._latest
        if len(before) == len(parts) and all(map(_same, before, parts)):
            return held
        held = _layered(parts)
        self._latest = parts, held
        return held

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        outlooks: list[Outlook] = []
        for source, own in self._concerned(need):
            answer = source.newer(own, moment, waiter)
            if isinstance(answer, Job):
                return answer
            outlooks.append(answer)
        return _together(outlooks)

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        return _together([source.unanswered(own, moment) for source, own in self._concerned(need)])

    def located(self) -> Located:
        parts = tuple(source.located() for source in self.sources)
        return Located(
            self.held(waited=True).keys,
            issuer=next((part.issuer for part in parts if part.issuer), None),
            expected=next((part.expected for part in parts if part.expected), None),
            requests=tuple(request for part in parts for request in part.requests),
            failure=next((part.failure for part in parts if part.failure), None),
            parts=parts,
        )

    def mark_in_use(self, key: Key) -> None:
        """Tell the sources that publish keys one by one that this key has verified a token."""
        for source in self._in_use:
            source.mark_in_use(key)

    def status(self) -> Status:
        """Of all together: the sooner of what is to come, the longer of every bound."""
        each = [source.status() for source in self.sources]

        def of(name: str, choose: Callable[[list[Any]], Any]) -> Any:
            told = [value for one in each if (value := getattr(one, name)) is not None]
            return choose(told) if told else None

        return Status(**{name: of(name, choose) for name, choose in _TOGETHER.items()})

    def _concerned(self, need: NeedsNewer) -> Iterator[tuple[Source, NeedsNewer]]:
        """Whose newer keys may mend it, and what it needs of each: of a bad signature the one that decided;
        else each, but one that refuses the key."""
        for source in self.sources:
            keys = source.held().keys
            if need.reason == "signature":
                if keys is not None and keys.fitting(need.header):
                    yield source, need
                    return
            elif keys is None:
                yield source, NeedsNewer("no_keys", need.header)
            elif not keys.names_refused(need.header):
                yield source, need


_TOGETHER: dict[str, Callable[[list[Any]], Any]] = {
    "issuer": ", ".join,
    "keys": sum,
    "age": max,
    "fresh_for": min,
    "stale_for": max,
    "refresh_in": min,
    "next_attempt_in": max,
    "draws": sum,
    "next_draw_in": min,
    "forced_backoff": max,
    "metadata_age": max,
    "revoked_key_bound": max,
    "moved_key_bound": max,
    "last_failure": "; ".join,
    "store": itemgetter(0),  # all have the verifier's
}


_EMPTY = KeySet(())
"""What a source has that has none: nothing, and nothing that it skips."""


def _together(outlooks: Sequence[Outlook]) -> Outlook:
    """Of several sources. As long as one of them could not be asked, the token may be good."""
    return Outlook(
        confirmed=all(one.confirmed for one in outlooks),
        unavailable=next((one.unavailable for one in outlooks if one.unavailable), None),
        retry_after=max((one.retry_after for one in outlooks), default=0.0),
    )


def _same(one: Held, other: Held) -> bool:
    return one is other


def _layered(parts: tuple[Held, ...]) -> Held:
    if all(part.keys is None for part in parts):
        return NOTHING
    layers = tuple(_EMPTY if part.keys is None else part.keys for part in parts)
    both = KeySet.union(layers)
    stated = next((part.expected for part in parts if part.expected is not None), None)
    return Held(Layered(both.keys, both.skipped, layers=layers), stated)

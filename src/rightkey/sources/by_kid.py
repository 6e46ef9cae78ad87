"""ByKid: keys that an issuer publishes one by one, each at a URL that has its key id in it.

A key id comes from a stranger: only a GUID becomes part of a URL. Which of them exist nobody says beforehand,
so that each new one is asked for, out of a budget for all of them; an answer of 403 or 404 is final until the
backoff of that key id is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from rightkey.freshness.budget import Draws
from rightkey.freshness.refresh import Elapsed
from rightkey.freshness.settings import Freshness
from rightkey.freshness.status import Status
from rightkey.issuer.vendor import is_guid
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import COUNT
from rightkey.sources.first_of import InOrder
from rightkey.sources.jobs import GUARD, Job
from rightkey.sources.remote import Remote
from rightkey.sources.source import Located
from rightkey.verdict.held import Held, NeedsNewer

MAX_KIDS = 16
"""Key ids that are kept, with a key or with the answer that there is none."""
_NONE_YET = Held(KeySet(()))
_ABSENT = ("403", "404")


class ByKid:
    """One issuer's. `remote` makes the source of a single key id."""

    def __init__(
        self, name: str, remote: Callable[[str], Remote], freshness: Freshness, elapsed: Elapsed
    ) -> None:
        self.wait = freshness.wait
        self._name, self._remote, self._elapsed = name, remote, elapsed
        self._draws = Draws(float(freshness.draws), freshness.draw_every)
        self._by_kid: OrderedDict[str, Remote] = OrderedDict()
        self._all: InOrder | None = None

    def moment(self) -> int:
        return next(COUNT)

    def held(self, *, waited: bool = False) -> Held:
        held = self._all.held(waited=waited) if self._all is not None else _NONE_YET
        return held if held.keys is not None else _NONE_YET

    def obtain(self) -> Job | None:
        return None  # without a token there is nothing to ask for

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        remote = self._of(need.header.kid or "")
        if remote is None:
            return None
        return remote.obtain() if remote.held().keys is None else remote.newer(need, came, waiter)

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        assert need.error is not None  # noqa: S101 - it is None only where no keys are held
        remote = self._by_kid.get(need.header.kid or "")
        if remote is None:
            return need.error
        if remote.held(waited=True).keys is not None:
            return remote.verdict(need, came, answered=answered)
        asked = remote.located().requests
        if answered and asked and asked[-1][1] in _ABSENT:
            return need.error
        return remote.verdict(NeedsNewer("no_keys", need.header, None), came, answered=answered)

    def require_keys(self, *, fresh: bool) -> None:
        if fresh and self._all is not None:
            self._all.require_keys(fresh=True)

    def located(self) -> Located:
        if self._all is None:
            return Located(_NONE_YET.keys, origin=f"of {self._name}, asked for one by one")
        return self._all.located()

    def status(self) -> Status:
        assert self._all is not None  # noqa: S101 - who asks has seen that there are some
        return self._all.status()

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The sources of the key ids that are kept."""
        return tuple(self._by_kid.values())

    def _of(self, kid: str) -> Remote | None:
        """The source of a key id; None where it is none, or where too many new ones came of late."""
        remote = self._by_kid.get(kid)
        if remote is not None or not is_guid(kid):
            return remote
        with GUARD:
            if not self._draws.draw(self._elapsed(), may_take_last=True):
                return None
        remote = self._remote(kid)
        crowded = len(self._by_kid) >= MAX_KIDS
        least = self._least() if crowded else None
        with GUARD:
            self._by_kid.pop(least or "", None)
            self._by_kid[kid] = remote
            self._all = InOrder(self.remotes)
        return remote

    def _least(self) -> str:
        """Of those kept the oldest without a key; else the oldest."""
        kept = list(self._by_kid.items())
        return next((kid for kid, remote in kept if remote.held(waited=True).keys is None), kept[0][0])

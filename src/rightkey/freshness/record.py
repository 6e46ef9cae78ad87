"""Record: what holds for one issuer, however it is named and however its keys are found.

Distrust and leaks belong to the issuer. A rule that is stored under the spelling of its name, or the
place of its keys, ends where the same issuer is named another way.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from rightkey.events import Event
from rightkey.freshness.distrust import Distrusted
from rightkey.freshness.refresh import Refreshed


class Reader(Protocol):
    """Serves keys of the issuer."""

    def republish(self) -> None:
        """Leave out what is refused since."""


class Record:
    """One issuer's, under its `identity`. Every call is made with the process's lock held."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.distrusted = Distrusted()
        self.readers: WeakSet[Reader] = WeakSet()

    def distrust(self, name: str) -> None:
        """Refuse the keys with this key id or thumbprint, in every reader that there is or will be."""
        self.distrusted.names.add(name)
        self._republish()

    def note(self, issuer: str, refreshed: Refreshed) -> list[Event]:
        """Remember what an answer leaked."""
        events = self.distrusted.note(issuer, refreshed)
        if events:
            self._republish()
        return events

    def may_be_forgotten(self) -> bool:
        """Whether nothing would be lost if it started over."""
        return not (self.distrusted.names or self.distrusted.leaked)

    def _republish(self) -> None:
        for reader in list(self.readers):
            reader.republish()

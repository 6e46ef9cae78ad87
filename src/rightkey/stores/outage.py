"""Outage: how an issuer failed a process of the fleet, as the word that a store keeps, and back.

It is sealed, so that a process can tell an issuer that goes on failing from a store that says so.
"""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

from rightkey.stores.entry import SKEW
from rightkey.stores.seal import Broken, Seal
from rightkey.stores.turns import MAX_PAUSE

_KIND = "outage"


class Outage(NamedTuple):
    """One failed attempt."""

    wall: float
    """When it ended, as a Unix time in seconds by the clock of the host that asked."""
    word: str
    """How it failed."""

    def is_recent(self, wall: float) -> bool:
        """Whether a pause for it may still run, by this host's time."""
        return abs(wall - self.wall) <= MAX_PAUSE + SKEW

    def sealed(self, seal: Seal, place: str) -> str:
        """In ASCII, for this place."""
        octets = seal.close(_KIND, place, json.dumps(self).encode())
        return base64.urlsafe_b64encode(octets).decode()


def read_outage(seal: Seal, place: str, text: str) -> Outage | None:
    """The outage; None where there is none, or it is not authentic."""
    try:
        wall, word = json.loads(seal.open(_KIND, place, base64.urlsafe_b64decode(text)))
        return Outage(float(wall), str(word))
    except (Broken, ValueError, TypeError, OverflowError):
        return None

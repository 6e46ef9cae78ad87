"""Distrusted: one issuer's keys that no answer brings back: leaked by the issuer, or distrusted by you."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from rightkey.errors import Misconfigured
from rightkey.events import Event, KeyLeaked, LeakForgotten
from rightkey.freshness.refresh import NoSigningKey, Refreshed
from rightkey.jose.keyset import KeySet

MAX_LEAKED = 10_000
"""Leaked keys of one issuer that are remembered: an issuer decides how many it leaks."""


def key_name(given: Any) -> str:
    """What names a key to distrust. Anything else would refuse nothing, without a word.

    Raises:
        Misconfigured: it is no text, such as the key id of a key that has none, or empty.
    """
    if not isinstance(given, str) or not given:
        hint = "key.thumbprint names a key that has no key id"
        raise Misconfigured("distrust() needs a key id or an RFC 7638 thumbprint, as text", hint=hint)
    return given


class Distrusted:
    """For the life of the process: `leaked` by thumbprint, `names` (what `distrust` was given) by thumbprint
    or key id."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.leaked: OrderedDict[str, bool] = OrderedDict()
        """Each with whether it was ever usable here. Those go last, for their tokens would pass again. In the
        order in which they were last published: what stands in each answer is not forgotten."""
        self._usable: OrderedDict[str, None] = OrderedDict()

    def note(self, issuer: str, refreshed: Refreshed) -> list[Event]:
        """Remember the keys whose private halves an answer holds, and those that are usable now. An answer
        without a usable key counts as well."""
        failure = refreshed.failure
        keys = failure.keys if isinstance(failure, NoSigningKey) else refreshed.keys
        if keys is None:
            return []
        for key in keys:
            self._usable[key.thumbprint] = None
            self._usable.move_to_end(key.thumbprint)
            self._seen_again(key.thumbprint)
        while len(self._usable) > MAX_LEAKED:
            self._usable.popitem(last=False)
        events: list[Event] = []
        for one in keys.skipped:
            if one.reason != "private_key_published" or not one.thumbprint:
                continue
            if not self._seen_again(one.thumbprint):
                self.leaked[one.thumbprint] = one.thumbprint in self._usable
                events.append(KeyLeaked(issuer, one.kid, one.thumbprint))
        return events + self._forget(issuer)

    def taken_from(self, keys: KeySet) -> KeySet:
        """The set less all that is refused."""
        left = keys.without(self.leaked, "private_key_published") if self.leaked else keys
        if not self.names:
            return left
        named = [key.thumbprint for key in left if key.kid in self.names or key.thumbprint in self.names]
        return left.without(named, "distrusted")

    def _seen_again(self, thumbprint: str) -> bool:
        """Whether a key that is published now leaked before. If it were forgotten it might pass."""
        if thumbprint not in self.leaked:
            return False
        self.leaked[thumbprint] |= thumbprint in self._usable
        self.leaked.move_to_end(thumbprint)
        return True

    def _forget(self, issuer: str) -> list[Event]:
        surplus = len(self.leaked) - MAX_LEAKED
        if surplus <= 0:
            return []
        oldest_first = sorted(self.leaked, key=self.leaked.__getitem__)  # stable: never usable ones first
        for thumbprint in oldest_first[:surplus]:
            del self.leaked[thumbprint]
        return [LeakForgotten(issuer, surplus)]

"""Distrusted: keys that no answer brings back: the world has their private halves, or their owner says so."""

from __future__ import annotations

from rightkey.events import KeyLeaked
from rightkey.freshness.refresh import NoSigningKey, Refreshed
from rightkey.jose.keyset import KeySet


class Distrusted:
    """One issuer's, for the life of the process: `leaked` by thumbprint, `distrusted` by that or key id."""

    def __init__(self) -> None:
        self.leaked: set[str] = set()
        self.distrusted: set[str] = set()

    def note_leaks(self, issuer: str, refreshed: Refreshed) -> list[KeyLeaked]:
        """Remember the keys whose private halves an answer holds. Also one that holds nothing else counts."""
        failure = refreshed.failure
        keys = failure.keys if isinstance(failure, NoSigningKey) else refreshed.keys
        skipped = keys.skipped if keys is not None else ()
        leaks = [
            KeyLeaked(issuer, one.kid, one.thumbprint)
            for one in skipped
            if one.reason == "private_key_published" and one.thumbprint and one.thumbprint not in self.leaked
        ]
        self.leaked.update(leak.thumbprint for leak in leaks)
        return leaks

    def taken_from(self, keys: KeySet) -> KeySet:
        """The set less all that is refused."""
        left = keys.without(self.leaked, "private_key_published")
        named = [key.thumbprint for key in left if {key.kid, key.thumbprint} & self.distrusted]
        return left.without(named, "distrusted")

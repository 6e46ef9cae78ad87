"""Which keys the issuer has, which of them signs, and how that changes: Auth0's life of a signing key.

    next -> current -> previous -> revoked

`next` is published before it signs. `previous` stays published, so that tokens out there still verify,
until somebody revokes it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rightkey.localissuer.signing import SigningKey

_REVOKED_LISTED = 3  # as many as Auth0 lists


class MakeKey(Protocol):
    """Makes a key; the `kid` is the key's own business unless one is given."""

    def __call__(self, kid: str | None = None) -> SigningKey: ...


class KeyRing:
    """Readers take one tuple and never wait, but for the first keys: those are made when first needed,
    because many a test never needs them and an RSA key takes 60 ms."""

    def __init__(self, make: MakeKey, make_stranger: MakeKey) -> None:
        self._make, self._make_stranger = make, make_stranger
        self._changing = threading.RLock()
        self._keys: tuple[SigningKey, ...] = ()
        self._stranger: SigningKey | None = None
        self.revoked: tuple[SigningKey, ...] = ()

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What is published: current, next, then previous ones, the latest first."""
        return self._keys or self._first_keys()

    @property
    def current(self) -> SigningKey:
        return self.keys[0]

    @property
    def next(self) -> SigningKey:
        return self.keys[1]

    def stranger(self) -> SigningKey:
        """The attacker's key: never published, never part of the ring."""
        with self._changing:
            self._stranger = self._stranger or self._make_stranger()
            return self._stranger

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let another key sign: the published next one, or one that nobody has seen."""
        with self._changing:
            current, following, *previous = self.keys
            fresh = self._make()
            successor, after = (fresh, following) if surprise else (following, fresh)
            self._keys = (successor, after, current, *previous)
        return successor

    def swap(self) -> SigningKey:
        """Put other key material under the current `kid`; what was signed before verifies no more."""
        with self._changing:
            current, *others = self.keys
            self._keys = (self._make(kid=current.kid), *others)
            return self._keys[0]

    def revoke(self, kid: str) -> SigningKey:
        """Withdraw a previous key.

        Raises:
            ValueError: it is the current or the next key, which Auth0 refuses as well.
            LookupError: no key has this `kid`.
        """
        with self._changing:
            current, following, *previous = self.keys
            for role, key in (("current", current), ("next", following)):
                if key.kid == kid:
                    raise ValueError(f"expected the kid of a previous key, got the {role} one; rotate first")
            gone = next((key for key in previous if key.kid == kid), None)
            if gone is None:
                raise LookupError(f"no previous key has the kid {kid!r}")
            self._keys = (current, following, *(key for key in previous if key is not gone))
            self.revoked = (gone, *self.revoked)[:_REVOKED_LISTED]
            return gone

    def _first_keys(self) -> tuple[SigningKey, ...]:
        with self._changing:
            self._keys = self._keys or (self._make(), self._make())
            return self._keys

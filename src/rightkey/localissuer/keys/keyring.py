"""Which keys the issuer has, which of them signs, and how that changes: Auth0's life of a signing key.

    next -> current -> previous -> revoked

`next` is published before it signs. `previous` stays published, so that tokens out there still verify,
until it is revoked, or a schedule's overlap is over.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from rightkey.localissuer.clock import system
from rightkey.localissuer.keys.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.keys.kept import Kept
    from rightkey.localissuer.keys.ring import Schedule
    from rightkey.localissuer.keys.signing import SigningKey

_REVOKED_LISTED = 3  # as many as Auth0 lists
_CATCH_UP = 8  # rotations caught up on after a long absence: no client saw those in between


class MakeKey(Protocol):
    """Makes a key; the key chooses its `kid` unless one is given."""

    def __call__(self, kid: str | None = None) -> SigningKey: ...


class KeyRing:
    """Readers take one tuple and never wait, except for the first keys: those are made when first needed,
    because many tests never need them and an RSA key takes 60 ms.

    A schedule has no thread: the rotations that are due are made when the keys are read.
    """

    def __init__(
        self,
        make: MakeKey,
        make_stranger: MakeKey,
        *,
        clock: Callable[[], float] = system,
        schedule: Schedule | None = None,
        kept: Kept | None = None,
    ) -> None:
        self._make, self._make_stranger = make, make_stranger
        self._clock, self._schedule, self._kept = clock, schedule, kept
        self._changing = threading.RLock()
        self._stranger: SigningKey | None = None
        self._ring = kept.load() if kept else Ring()

    @property
    def state(self) -> Ring:
        """The ring as it is by now."""
        if self._schedule is not None:
            self._catch_up(self._schedule)
        return self._ring if self._ring.keys else self._first_keys()

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What is published: current, next, then previous ones, the latest first."""
        return self.state.keys

    @property
    def current(self) -> SigningKey:
        return self.keys[0]

    @property
    def next(self) -> SigningKey:
        return self.keys[1]

    @property
    def revoked(self) -> tuple[SigningKey, ...]:
        """The last three keys that were revoked, the latest first."""
        return self._ring.revoked

    def stranger(self) -> SigningKey:
        """The attacker's key: never published, never part of the ring."""
        with self._changing:
            self._stranger = self._stranger or self._make_stranger()
            return self._stranger

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let another key sign: the published next one, or one that was never published."""
        with self._changing:
            return self._rotate(self.state, self._clock(), surprise=surprise)

    def swap(self) -> SigningKey:
        """Put other key material under the current `kid`; earlier tokens no longer verify."""
        with self._changing:
            ring = self.state
            current, *others = ring.keys
            fresh = self._make(kid=current.kid)
            self._hold(Ring((fresh, *others), ring.revoked, self._clock(), ring.retired))
            return fresh

    def revoke(self, kid: str) -> SigningKey:
        """Withdraw a previous key.

        Raises:
            ValueError: it is the current or the next key, which Auth0 refuses as well.
            LookupError: no key has this `kid`.
        """
        with self._changing:
            ring = self.state
            current, following, *previous = ring.keys
            for role, key in (("current", current), ("next", following)):
                if key.kid == kid:
                    raise ValueError(f"expected the kid of a previous key, got the {role} one; rotate first")
            gone = next((key for key in previous if key.kid == kid), None)
            if gone is None:
                raise LookupError(f"no previous key has the kid {kid!r}")
            revoked = (gone, *ring.revoked)[:_REVOKED_LISTED]
            self._keep_previous(ring, lambda key, _: key is not gone, revoked)
            return gone

    def _rotate(self, ring: Ring, at: float, *, surprise: bool = False) -> SigningKey:
        current, following, *previous = ring.keys
        fresh = self._make()
        successor, after = (fresh, following) if surprise else (following, fresh)
        keys = (successor, after, current, *previous)
        self._hold(Ring(keys, ring.revoked, at, (at, *ring.retired)))
        return successor

    def _catch_up(self, schedule: Schedule) -> None:
        """Make the rotations that are due, and drop the keys whose overlap is over."""
        with self._changing:
            ring = self._ring if self._ring.keys else self._first_keys()
            now = self._clock()
            due = int((now - ring.since) // schedule.period)
            for missing in reversed(range(min(due, _CATCH_UP))):
                self._rotate(self._ring, ring.since + (due - missing) * schedule.period)
            if any(now - at >= schedule.overlap for at in self._ring.retired):
                self._keep_previous(self._ring, lambda _, at: now - at < schedule.overlap, self._ring.revoked)

    def _keep_previous(
        self, ring: Ring, keep: Callable[[SigningKey, float], bool], revoked: tuple[SigningKey, ...]
    ) -> None:
        kept = [pair for pair in zip(ring.keys[2:], ring.retired, strict=True) if keep(*pair)]
        keys = (*ring.keys[:2], *(key for key, _ in kept))
        self._hold(Ring(keys, revoked, ring.since, tuple(at for _, at in kept)))

    def _first_keys(self) -> Ring:
        with self._changing:
            if not self._ring.keys:
                self._hold(Ring((self._make(), self._make()), since=self._clock()))
            return self._ring

    def _hold(self, ring: Ring) -> None:
        self._ring = ring
        if self._kept is not None:
            self._kept.save(ring)

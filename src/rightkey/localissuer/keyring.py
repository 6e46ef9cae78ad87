"""Which keys the issuer has, which of them signs, and how that changes: Auth0's life of a signing key.

    next -> current -> previous -> revoked

`next` is published before it signs. `previous` stays published, so that tokens out there still verify,
until somebody revokes it, or a schedule's overlap is over.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.signing import SigningKey

_REVOKED_LISTED = 3  # as many as Auth0 lists
_CATCH_UP = 8  # rotations made up for at most after a long absence: nobody saw those in between


class MakeKey(Protocol):
    """Makes a key; the `kid` is the key's own business unless one is given."""

    def __call__(self, kid: str | None = None) -> SigningKey: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rotation each `period`, and how long a previous key stays published, both in seconds.

    Raises:
        ValueError: the period is not above zero, or the overlap is below it.
    """

    period: float
    overlap: float

    def __post_init__(self) -> None:
        if self.period <= 0 or self.overlap < 0:
            raise ValueError(f"expected a period above 0 and an overlap of 0 or more, got {self}")


@dataclass(frozen=True, slots=True)
class Held:
    """The ring at one time: what is published, what was revoked, and since when the current key signs."""

    keys: tuple[SigningKey, ...] = ()
    revoked: tuple[SigningKey, ...] = ()
    since: float = 0.0
    retired: tuple[float, ...] = ()
    """When each previous key stopped signing, in the order of `keys`."""


class Memory(Protocol):
    """Where a ring is kept from run to run."""

    def load(self) -> Held: ...
    def save(self, held: Held) -> None: ...


class KeyRing:
    """Readers take one tuple and never wait, but for the first keys: those are made when first needed,
    because many a test never needs them and an RSA key takes 60 ms.

    A schedule has no thread: who asks for the keys finds them as they must be by now.
    """

    def __init__(
        self,
        make: MakeKey,
        make_stranger: MakeKey,
        *,
        clock: Callable[[], float] = time.time,
        schedule: Schedule | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._make, self._make_stranger = make, make_stranger
        self._clock, self._schedule, self._memory = clock, schedule, memory
        self._changing = threading.RLock()
        self._stranger: SigningKey | None = None
        self._held = memory.load() if memory else Held()

    @property
    def held(self) -> Held:
        """The ring as it is by now."""
        if self._schedule is not None:
            self._catch_up(self._schedule)
        return self._held if self._held.keys else self._first_keys()

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """What is published: current, next, then previous ones, the latest first."""
        return self.held.keys

    @property
    def current(self) -> SigningKey:
        return self.keys[0]

    @property
    def next(self) -> SigningKey:
        return self.keys[1]

    @property
    def revoked(self) -> tuple[SigningKey, ...]:
        """The last three keys that were revoked, the latest first."""
        return self._held.revoked

    def stranger(self) -> SigningKey:
        """The attacker's key: never published, never part of the ring."""
        with self._changing:
            self._stranger = self._stranger or self._make_stranger()
            return self._stranger

    def rotate(self, *, surprise: bool = False) -> SigningKey:
        """Let another key sign: the published next one, or one that nobody has seen."""
        with self._changing:
            return self._rotate(self.held, self._clock(), surprise=surprise)

    def swap(self) -> SigningKey:
        """Put other key material under the current `kid`; what was signed before verifies no more."""
        with self._changing:
            held = self.held
            current, *others = held.keys
            fresh = self._make(kid=current.kid)
            self._hold(Held((fresh, *others), held.revoked, self._clock(), held.retired))
            return fresh

    def revoke(self, kid: str) -> SigningKey:
        """Withdraw a previous key.

        Raises:
            ValueError: it is the current or the next key, which Auth0 refuses as well.
            LookupError: no key has this `kid`.
        """
        with self._changing:
            held = self.held
            current, following, *previous = held.keys
            for role, key in (("current", current), ("next", following)):
                if key.kid == kid:
                    raise ValueError(f"expected the kid of a previous key, got the {role} one; rotate first")
            gone = next((key for key in previous if key.kid == kid), None)
            if gone is None:
                raise LookupError(f"no previous key has the kid {kid!r}")
            revoked = (gone, *held.revoked)[:_REVOKED_LISTED]
            self._keep_previous(held, lambda key, _: key is not gone, revoked)
            return gone

    def _rotate(self, held: Held, at: float, *, surprise: bool = False) -> SigningKey:
        current, following, *previous = held.keys
        fresh = self._make()
        successor, after = (fresh, following) if surprise else (following, fresh)
        keys = (successor, after, current, *previous)
        self._hold(Held(keys, held.revoked, at, (at, *held.retired)))
        return successor

    def _catch_up(self, schedule: Schedule) -> None:
        """Make the rotations that are due, and drop the keys whose overlap is over."""
        with self._changing:
            held = self._held if self._held.keys else self._first_keys()
            now = self._clock()
            due = int((now - held.since) // schedule.period)
            for missing in reversed(range(min(due, _CATCH_UP))):
                self._rotate(self._held, held.since + (due - missing) * schedule.period)
            if any(now - at >= schedule.overlap for at in self._held.retired):
                self._keep_previous(self._held, lambda _, at: now - at < schedule.overlap, self._held.revoked)

    def _keep_previous(
        self, held: Held, keep: Callable[[SigningKey, float], bool], revoked: tuple[SigningKey, ...]
    ) -> None:
        kept = [pair for pair in zip(held.keys[2:], held.retired, strict=True) if keep(*pair)]
        keys = (*held.keys[:2], *(key for key, _ in kept))
        self._hold(Held(keys, revoked, held.since, tuple(at for _, at in kept)))

    def _first_keys(self) -> Held:
        with self._changing:
            if not self._held.keys:
                self._hold(Held((self._make(), self._make()), since=self._clock()))
            return self._held

    def _hold(self, held: Held) -> None:
        self._held = held
        if self._memory is not None:
            self._memory.save(held)

"""Status: how fresh an issuer's keys are, for the operator of a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rightkey.errors import IssuerFault
from rightkey.freshness.budget import Backoff, Draws
from rightkey.freshness.settings import Freshness
from rightkey.freshness.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How the store is that a fleet shares, as this process sees it.

    `taken` and `rejected` are how many entries were used, and not used. `distrusted` is how many keys the
    fleet distrusts, of all issuers, and `distrust_age` how many seconds ago that was read; None if never.
    `denied` and `denied_age` are the same of its denylist; None where no verifier has one.
    """

    name: str
    available: bool
    taken: int
    rejected: int
    distrusted: int
    distrust_age: float | None
    denied: int | None = None
    denied_age: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How an issuer's keys are. Times are in seconds from now; None where there is nothing to say.

    `revoked_key_bound` is the longest that a key revoked now could still be accepted if the issuer gave no
    good answer from now on, with the grace on top; `moved_key_bound` the same for one that is revoked by
    moving `jwks_uri` away from an address that goes on answering as before, while metadata cannot be read.
    """

    issuer: str
    keys: int
    age: float | None
    fresh_for: float | None
    stale_for: float | None
    refresh_in: float | None
    next_attempt_in: float
    draws: int
    next_draw_in: float
    forced_backoff: float
    metadata_age: float | None
    revoked_key_bound: float | None
    moved_key_bound: float | None
    last_failure: str | None
    store: StoreStatus | None = None
    """The store that a fleet shares; None where there is none."""

    @property
    def ready(self) -> bool:
        """Whether tokens can be verified now."""
        return self.stale_for is not None and self.stale_for > 0


def status_of(
    issuer: str,
    snapshot: Snapshot | None,
    freshness: Freshness,
    now: float,
    *,
    metadata_age: float | None,
    scheduled: Backoff,
    forced: Backoff,
    accounts: Sequence[Draws],
    failure: IssuerFault | None,
) -> Status:
    """Tell it. `snapshot` is what is held, whether or not its time is up."""
    stale_for = None if snapshot is None else max(0.0, snapshot.stale_until - now)
    grace = freshness.grace or 0.0
    moved = None
    if stale_for and metadata_age is not None:
        metadata_left = freshness.metadata_life + freshness.metadata_stale - metadata_age
        moved = metadata_left + freshness.max_life + freshness.stale_if_error + grace
    return Status(
        issuer=issuer,
        keys=len(snapshot.keys) if snapshot and stale_for else 0,
        age=None if snapshot is None else now - snapshot.began,
        fresh_for=None if snapshot is None else max(0.0, snapshot.fresh_until - now),
        stale_for=stale_for,
        refresh_in=None if snapshot is None else max(0.0, snapshot.refresh_at - now),
        next_attempt_in=scheduled.left(now),
        draws=int(min(account.level(now, freshness) for account in accounts)),
        next_draw_in=max(account.left(now, freshness) for account in accounts),
        forced_backoff=forced.left(now),
        metadata_age=metadata_age,
        revoked_key_bound=stale_for + grace if stale_for else None,
        moved_key_bound=moved,
        last_failure=None if failure is None else str(failure),
    )

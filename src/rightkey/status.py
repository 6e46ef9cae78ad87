"""Status: how an issuer's keys are, for whoever watches over a service."""

from __future__ import annotations

from dataclasses import dataclass


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

    @property
    def ready(self) -> bool:
        """Whether tokens can be verified now."""
        return self.stale_for is not None and self.stale_for > 0

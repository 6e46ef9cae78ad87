"""Fixed: a key set that was handed over, and never changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rightkey.freshness.status import Status
from rightkey.jose.keyset import KeySet
from rightkey.sources.jobs import Job
from rightkey.sources.source import Located
from rightkey.verdict.held import Held, NeedsNewer


@dataclass(frozen=True, slots=True)
class Fixed:
    """Keys given as they are."""

    keys: KeySet
    wait: float = 0.0
    _held: Held = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_held", Held(self.keys))

    def moment(self) -> int:
        return 0

    def held(self, *, waited: bool = False) -> Held:
        return self._held

    def obtain(self) -> Job | None:
        return None

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        return None

    def located(self) -> Located:
        return Located(self.keys, origin="handed over")

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        assert need.error is not None  # noqa: S101 - it is None only where no keys are held
        return need.error

    def require_keys(self, *, fresh: bool) -> None:
        return None

    def status(self) -> Status:
        return Status(
            issuer="handed over",
            keys=len(self.keys),
            age=None,
            fresh_for=None,
            stale_for=math.inf,
            refresh_in=None,
            next_attempt_in=0.0,
            draws=0,
            next_draw_in=0.0,
            forced_backoff=0.0,
            metadata_age=None,
            revoked_key_bound=None,
            moved_key_bound=None,
            last_failure=None,
        )

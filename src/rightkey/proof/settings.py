"""What DPoP proofs must be, where an API wants it otherwise than by default."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from rightkey.errors import Misconfigured
from rightkey.jose.algorithms import ALGORITHMS, SAFE
from rightkey.jose.jws import known_algorithms
from rightkey.policy.named import settings_by_name
from rightkey.proof.nonces import MIN_SECRET
from rightkey.proof.replays import Seen

MAX_AGE = 3600.0
"""Seconds that a proof may be old, at most, by any setting."""
MAX_AHEAD = 300.0
"""Seconds that a proof's `iat` may be ahead, at most, by any setting."""


@settings_by_name
@dataclass(frozen=True, slots=True)
class DPoP:
    """What DPoP proofs must be (RFC 9449, section 4.3).

    Args:
        algorithms: names of those that clients may sign with.
        max_age: seconds since its `iat` after which a proof has expired, 3,600 at most.
        ahead: seconds that its `iat` may be in the future, since clocks differ, 300 at most.
        nonce_secret: at least 32 random octets, the same in all workers: then each proof must have a nonce
            that the service has given in the last two minutes, and `iat` does not count.
        seen: what remembers used proofs, for all workers of a service; by default the process does.

    Raises:
        Misconfigured: any of them is not as described.
    """

    algorithms: Collection[str] = SAFE
    max_age: float = 300.0
    ahead: float = 10.0
    nonce_secret: bytes | None = field(default=None, repr=False)
    seen: Seen | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        allowed = known_algorithms(self.algorithms)
        object.__setattr__(self, "algorithms", tuple(name for name in ALGORITHMS if name in allowed))
        _require_seconds("max_age", self.max_age, 1.0, MAX_AGE)
        _require_seconds("ahead", self.ahead, 0.0, MAX_AHEAD)
        secret: Any = self.nonce_secret
        if secret is not None and not (isinstance(secret, bytes) and len(secret) >= MIN_SECRET):
            raise Misconfigured(
                f"nonce_secret must be at least {MIN_SECRET} octets", hint="such as secrets.token_bytes(32)"
            )
        if self.seen is not None and not callable(getattr(self.seen, "first", None)):
            raise Misconfigured("seen must have a method first(mark, until)")


def _require_seconds(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # which NaN is not
        raise Misconfigured(f"{name} must be a number of seconds, from {least:g} to {most:g}")

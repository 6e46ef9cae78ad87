"""The keys of an issuer at one time, and how they change by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rightkey.localissuer.keys.signing import SigningKey


@dataclass(frozen=True, slots=True)
class Ring:
    """The published keys, the revoked ones, and since when the current key signs (Unix time)."""

    keys: tuple[SigningKey, ...] = ()
    revoked: tuple[SigningKey, ...] = ()
    since: float = 0.0
    retired: tuple[float, ...] = ()
    """When each previous key stopped signing, in the order of `keys`."""


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

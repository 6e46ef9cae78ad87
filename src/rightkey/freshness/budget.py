"""How often an issuer may be asked: the backoff after failures, the budget of forced refetches, and the
memory of what an answer has settled. The time is passed in, in `elapsed` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

MAX_PAUSE = 60.0
"""Seconds up to which the pause after failures doubles."""
RETRY_AFTER = (1.0, 300.0)
"""Seconds between which a `Retry-After` is honoured."""
MAX_SETTLED = 1024
"""Questions that are remembered as settled, as digests."""
PAUSES = (10.0, 20.0)
"""Seconds after which a settled question may be asked again: the first time, and from the second on."""
SLOWEST = 20.0
"""Seconds from one draw to the next at most, unless set longer: so long a genuine rotation waits at worst."""
BARREN_FOR_FREE = 3
"""Forced refetches that may bring nothing new before the refill slows."""
BARREN_FORGOTTEN = 600.0
"""Seconds without such a refetch, after which the refill is as fast as before."""


@dataclass(slots=True)
class Backoff:
    """The pause after failures: doubling from 1 s to 60 s, jittered between half and whole."""

    until: float = 0.0
    failures: int = 0

    def failed(self, now: float, jitter: float, retry_after: float | None = None) -> None:
        """Count a failure. `jitter` is from 0 to 1, `retry_after` what the issuer asked for."""
        # 2 ** 6 is over MAX_PAUSE already: counting on would end where a float does.
        pause = min(MAX_PAUSE, 2.0 ** min(self.failures, 6)) * (0.5 + 0.5 * jitter)
        if retry_after is not None:
            least, most = RETRY_AFTER
            pause = max(pause, min(max(retry_after, least), most))
        self.until = now + pause
        self.failures += 1

    def succeeded(self) -> None:
        """End the pause, and count from none again."""
        self.until, self.failures = 0.0, 0

    def left(self, now: float) -> float:
        """Seconds of the pause that are left."""
        return max(0.0, self.until - now)


class Limits(Protocol):
    """How hard an issuer may be asked: what `Freshness` says of it."""

    @property
    def draws(self) -> int: ...
    @property
    def draw_every(self) -> float: ...


@dataclass(slots=True, weakref_slot=True)
class Draws:
    """A budget: a few forced refetches at once, then one more every so often; failures count as well.

    Where refetch after refetch brings nothing new, tokens are being forged, and the refill slows, until the
    set changes or ten minutes pass without one.

    Several verifiers share it, each with limits of its own: what is kept is what was spent.
    """

    spent: float = 0.0
    since: float = 0.0
    barren: int = 0
    barren_at: float = 0.0

    def level(self, now: float, limits: Limits) -> float:
        """How many draws there are. What has been refilled since the last look is taken in first."""
        if self.barren and now - self.barren_at >= BARREN_FORGOTTEN:
            self.barren = 0
        self.spent = max(0.0, self.spent - max(0.0, now - self.since) / self.interval(limits))
        self.since = max(now, self.since)
        return limits.draws - self.spent

    def interval(self, limits: Limits) -> float:
        """Seconds from one draw to the next."""
        slower = max(0, self.barren - BARREN_FOR_FREE + 1)
        return max(limits.draw_every, min(SLOWEST, limits.draw_every * 2.0 ** min(slower, 6)))

    def left(self, now: float, limits: Limits, least: float = 1.0) -> float:
        """Seconds until there are as many draws as `least`."""
        return max(0.0, (least - self.level(now, limits)) * self.interval(limits))

    def spend_for(self, now: float, seconds: float, limits: Limits) -> None:
        """Have no draw for so many seconds."""
        self.level(now, limits)
        self.spent = max(self.spent, limits.draws - 1.0 + seconds / self.interval(limits))

    def answered(self, now: float, limits: Limits, *, new: bool) -> None:
        """Count a forced refetch that was answered."""
        self.level(now, limits)
        self.barren = 0 if new else self.barren + 1
        self.barren_at = now

    @property
    def as_new(self) -> bool:
        """Whether nothing was drawn lately: nothing is gained by letting it go and coming back."""
        return not (self.spent or self.barren)


def draw(accounts: Sequence[Draws], now: float, limits: Limits, *, may_take_last: bool) -> bool:
    """Take one draw from each account, if there is one in all of them.

    Args:
        accounts: the issuer's, and that of the place that is asked.
        may_take_last: whether the last one may be taken; it is kept for what may be the first token of a
            rotation.
    """
    least = 1.0 if may_take_last else 2.0
    if any(account.level(now, limits) < least for account in accounts):
        return False
    for account in _each(accounts):
        account.spent += 1.0
    return True


def give_back(accounts: Sequence[Draws]) -> None:
    """Return a draw for which no request was made."""
    for account in _each(accounts):
        account.spent = max(0.0, account.spent - 1.0)


def _each(accounts: Sequence[Draws]) -> Iterable[Draws]:
    """Each once: an issuer that is named by the URL of its keys has one account."""
    return {id(account): account for account in accounts}.values()


@dataclass(slots=True)
class Settled:
    """Questions that an answer has settled, each with the time from which it may be asked again.

    Bounded: the oldest is forgotten first. Emptied when the set changes.
    """

    again: dict[bytes, tuple[float, int]] = field(default_factory=dict)

    def settle(self, question: bytes, now: float) -> None:
        """Settle it; of many that asked the same at once, the first counts."""
        if self.left(question, now):
            return
        _, times = self.again.pop(question, (0.0, 0))
        self.again[question] = (now + PAUSES[min(times, len(PAUSES) - 1)], times + 1)
        if len(self.again) > MAX_SETTLED:
            del self.again[next(iter(self.again))]

    def left(self, question: bytes, now: float) -> float:
        """Seconds until it may be asked again; 0 where it is not settled."""
        return max(0.0, self.again.get(question, (now, 0))[0] - now)

    def __contains__(self, question: bytes) -> bool:
        return question in self.again

    def clear(self) -> None:
        """Open every question again."""
        self.again.clear()

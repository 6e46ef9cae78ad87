"""How often an issuer may be asked: the backoff after failures, the budget of forced refetches, and the
memory of what an answer has settled. Pure: the time, in `elapsed` seconds, comes in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_PAUSE = 60.0
RETRY_AFTER = (1.0, 300.0)
"""Seconds. A `Retry-After` is honoured between these."""
MAX_SETTLED = 1024
PAUSES = (10.0, 20.0, 40.0, 60.0)
"""Seconds after which a settled question may be asked again: the first time, the second, ..."""
BARREN_FOR_FREE = 3
BARREN_FORGOTTEN = 600.0


@dataclass(slots=True)
class Backoff:
    """The pause after failures: doubling from 1 s to 60 s, jittered between half and whole."""

    until: float = 0.0
    failures: int = 0

    def failed(self, now: float, jitter: float, retry_after: float | None = None) -> None:
        """Count a failure. `jitter` is from 0 to 1, `retry_after` what the issuer asked for."""
        pause = min(MAX_PAUSE, 2.0 ** min(self.failures, 6)) * (0.5 + 0.5 * jitter)
        if retry_after is not None:
            least, most = RETRY_AFTER
            pause = max(pause, min(max(retry_after, least), most))
        self.until = now + pause
        self.failures += 1

    def succeeded(self) -> None:
        self.until, self.failures = 0.0, 0

    def left(self, now: float) -> float:
        return max(0.0, self.until - now)


@dataclass(slots=True)
class Draws:
    """The budget: a few forced refetches at once, then one more every so often; failures count as well.

    Where refetch after refetch brings nothing new somebody is forging tokens, and the refill slows, until
    the set changes or ten minutes pass without one.
    """

    most: float
    every: float
    level: float = field(init=False)
    since: float = 0.0
    barren: int = 0
    barren_at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.most

    def draw(self, now: float, *, may_take_last: bool) -> bool:
        """Take one, if there is one; the last is kept for whoever may be the first of a rotation."""
        self.refill(now)
        if self.level < (1.0 if may_take_last else 2.0):
            return False
        self.level -= 1.0
        return True

    def give_back(self) -> None:
        """Return one that nobody was asked for."""
        self.level = min(self.most, self.level + 1.0)

    def refill(self, now: float) -> None:
        if self.barren and now - self.barren_at >= BARREN_FORGOTTEN:
            self.barren = 0
        self.level = min(self.most, self.level + max(0.0, now - self.since) / self.interval)
        self.since = now

    def answered(self, now: float, *, new: bool) -> None:
        """Count a forced refetch that was answered."""
        self.refill(now)
        self.barren = 0 if new else self.barren + 1
        self.barren_at = now

    @property
    def interval(self) -> float:
        """Seconds from one draw to the next."""
        slower = max(0, self.barren - BARREN_FOR_FREE + 1)
        return max(self.every, min(MAX_PAUSE, self.every * 2.0 ** min(slower, 6)))

    def left(self, now: float) -> float:
        """Seconds until there is a draw."""
        self.refill(now)
        return max(0.0, (1.0 - self.level) * self.interval)


@dataclass(slots=True)
class Settled:
    """Questions that an answer has settled, each with the time from which it may be asked again.

    Bounded: the oldest is forgotten first. Emptied when the set changes.
    """

    again: dict[bytes, tuple[float, int]] = field(default_factory=dict)

    def settle(self, question: bytes, now: float) -> None:
        """Settle it; of many who asked the same at once, the first counts."""
        if self.holds(question, now):
            return
        _, times = self.again.pop(question, (0.0, 0))
        self.again[question] = (now + PAUSES[min(times, len(PAUSES) - 1)], times + 1)
        if len(self.again) > MAX_SETTLED:
            del self.again[next(iter(self.again))]

    def holds(self, question: bytes, now: float) -> bool:
        """Whether it is settled, and not to be asked again yet."""
        return self.again.get(question, (now, 0))[0] > now

    def __contains__(self, question: bytes) -> bool:
        return question in self.again

    def clear(self) -> None:
        self.again.clear()

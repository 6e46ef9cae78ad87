"""Refetch: whether a token that the held keys do not satisfy may have them fetched again.

A question that a recent answer has settled is not asked again, and an issuer that has just failed is left
alone. Otherwise a draw is taken from the budget, if there is one that this token may take: forged tokens ask
for keys as well, and the last draw is kept for what may be the first token of a rotation.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence

from rightkey.events import RefetchRefused
from rightkey.freshness.budget import Backoff, Draws, Settled, draw, give_back
from rightkey.freshness.settings import Freshness
from rightkey.verdict.held import NeedsNewer


class RefetchDecision(enum.Enum):
    """What to do for such a token."""

    REFETCH = "fetch them again"
    SETTLED = "a recent answer has settled it"
    SPENT = "the budget is spent"
    BACKING_OFF = "the issuer failed, and it is too early to ask again"


class RefetchGate:
    """What one key set's forced refetches are judged by.

    `accounts` are passed in at each call: the issuer's budget, and that of the place that is asked. Others
    share both.
    """

    def __init__(self, freshness: Freshness) -> None:
        self.backoff = Backoff()
        self._freshness = freshness
        self._settled = Settled()
        self._refused = 0
        self._tell_at = float("-inf")

    def ask(self, now: float, need: NeedsNewer, accounts: Sequence[Draws]) -> RefetchDecision:
        """Whether this token may have the keys fetched again; draws from the budget if so."""
        question = _question(need)
        if self._settled.left(question, now):
            return RefetchDecision.SETTLED
        if self.backoff.left(now):
            return RefetchDecision.BACKING_OFF
        drawn = draw(accounts, now, self._freshness, may_take_last=self.may_take_last(need))
        return RefetchDecision.REFETCH if drawn else RefetchDecision.SPENT

    def ask_metadata(self, now: float, need: NeedsNewer, age: float, accounts: Sequence[Draws]) -> bool:
        """Whether the metadata may be read again, since a forced refetch of the keys alone brought nothing
        new; draws if so. To be asked before the question is settled, and so once for each asking.

        Args:
            age: of the metadata, in seconds.
        """
        barren = any(account.barren for account in accounts)
        if age <= self._freshness.metadata_recheck or not barren:
            return False
        if self.backoff.left(now) or self._settled.left(_question(need), now):
            return False
        return draw(accounts, now, self._freshness, may_take_last=need.reason == "nothing_fits")

    def not_asked(self, accounts: Sequence[Draws]) -> None:
        """No thread could be started: return what was drawn."""
        give_back(accounts)

    def spend_for(self, now: float, seconds: float, accounts: Sequence[Draws]) -> None:
        """The fleet has no draw for so long, and so this process has none."""
        for account in accounts:
            account.spend_for(now, seconds, self._freshness)

    def settle(self, now: float, need: NeedsNewer) -> None:
        """An answer whose request began after the token came has not mended it."""
        self._settled.settle(_question(need), now)

    def answered(self, now: float, accounts: Sequence[Draws], *, forced: bool, new: bool) -> None:
        """A good answer came. One that brings new keys opens every question."""
        self.backoff.succeeded()
        if forced or new:
            for account in accounts:
                account.answered(now, self._freshness, new=new)
        if new:
            self._settled.clear()

    def left(self, now: float, need: NeedsNewer, accounts: Sequence[Draws]) -> float:
        """Seconds until this token may ask."""
        least = 1.0 if self.may_take_last(need) else 2.0
        draws = max(account.left(now, self._freshness, least) for account in accounts)
        return max(draws, self._settled.left(_question(need), now), self.backoff.left(now))

    def may_take_last(self, need: NeedsNewer) -> bool:
        """Whether it may be the first token of a rotation, for which the last draw is kept."""
        return need.reason == "nothing_fits" and _question(need) not in self._settled

    def refused(self, issuer: str, now: float, accounts: Sequence[Draws]) -> list[RefetchRefused]:
        """The event for a token that was refused by the budget: one a pause, with how many there were."""
        self._refused += 1
        if now < self._tell_at:
            return []
        wait = max(account.left(now, self._freshness) for account in accounts)
        refused, self._refused, self._tell_at = self._refused, 0, now + max(1.0, wait)
        return [RefetchRefused(issuer, wait, refused)]


def _question(need: NeedsNewer) -> bytes:
    """What a token asks, as a digest: headers come from strangers, and may be long."""
    header = need.header
    if need.reason == "signature":  # a forger may vary the rest at will
        asked = [need.reason, header.kid, *sorted(key.thumbprint for key in need.tried)]
    else:
        asked = [need.reason, header.kid, header.x5t, header.x5t_s256, header.alg]
    return hashlib.blake2b(ascii(asked).encode(), digest_size=16).digest()

"""The oracle: what may become of a token, by what was published, asked and answered. It knows the docs, and
none of the code.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightkey.errors import IssuerUnavailable, RightkeyError, TokenRejected
from rightkey.freshness.budget import SLOWEST
from rightkey.freshness.settings import Freshness
from rightkey.sources.jobs import Job
from simulation.keys import Signer
from simulation.observed import MOST_RETRY, NEAR, Good, Observed, View
from simulation.world import Fault

CODES = {"key_not_found", "signature_invalid", "keys_unavailable"}
NEVER = float("inf")
QUIET = 60.0
"""Seconds after which it no longer counts that a refresh stood in line."""


@dataclass
class Call:
    """One call of `verify`. `signer` is None of a forged token."""

    name: str
    signer: Signer | None
    kid: str
    came: float
    ended: float = 0.0
    error: BaseException | None = None
    threads: bool = True
    in_flight: bool = False
    """Whether a refresh of the issuer was under way when it came."""
    in_line: bool = False
    """Whether one stood in line when it came, or when it went."""


class Oracle:
    """What it knows beyond the exchanges: which keys are distrusted."""

    def __init__(self, observed: Observed, freshness: Freshness) -> None:
        self.observed, self.freshness = observed, freshness
        self.distrusted: set[tuple[str, str]] = set()
        """Names of issuers, with key ids and thumbprints."""
        self.signers_distrusted: set[tuple[str, Signer]] = set()
        self.verdicts: dict[str, int] = {}
        self.asked_at: dict[str, float] = {}
        """When a token named each key id first."""

    def judge(self, call: Call, view: View) -> None:
        """Raise Fault where the verdict is none that may be."""
        self._judge_form(call)
        self.asked_at.setdefault(call.kid, call.came)
        if call.error is None:
            self._judge_accepted(call, view)
        elif call.signer is not None:
            self._judge_refused(call, call.signer, view, call.error)
        else:
            self._judge_stranger(call, view, call.error)

    # -- whatever the token

    def _judge_form(self, call: Call) -> None:
        error = call.error
        word = "accepted" if error is None else getattr(error, "code", type(error).__name__)
        self.verdicts[word] = self.verdicts.get(word, 0) + 1
        if call.ended - call.came > self.freshness.wait + NEAR:
            raise Fault("no waiter is left behind", f"a call took {call.ended - call.came:.2f} s")
        if error is None:
            return
        if not isinstance(error, RightkeyError) or error.code not in CODES:
            raise Fault("typed errors alone", f"{type(error).__name__}: {error}")
        unconfirmed = isinstance(error, TokenRejected) and not error.confirmed
        if (unconfirmed or isinstance(error, IssuerUnavailable)) and not (error.retry_after or 0) >= 1:  # type: ignore[attr-defined]
            raise Fault("it says when to come again", _told(error))

    # -- accepted

    def _judge_accepted(self, call: Call, view: View) -> None:
        signer, now = call.signer, call.ended
        if signer is None:
            raise Fault("nothing forged is accepted", f"{call.kid} of {call.name}")
        if self._distrusts(call.name, signer):
            raise Fault("distrust holds", f"{call.kid} of {call.name}")
        if any(signer in good.leaked and good.sure and good.taken < call.came for good in view.goods):
            raise Fault("a leaked key is refused", f"{call.kid} of {call.name}")
        view.proved = True
        holding = [good for good in view.goods if signer in good.keys and now < good.stale_until]
        holding = [good for good in holding if not self._replaced(view, good, signer, call.came)]
        if not holding:
            raise Fault("a revoked key ends", f"{call.kid} of {call.name} is accepted at {now:.1f}")
        past_life = all(now >= good.fresh_until for good in holding)
        ahead = min(good.began + 0.8 * good.life for good in holding)
        failed = view.failed_at >= ahead or any(map(self._late, view.active))
        if past_life and call.ended - call.came < NEAR and not failed and not call.in_flight:
            raise Fault("past its life it serves after a failure alone", f"{call.kid} of {call.name}")

    def _replaced(self, view: View, good: Good, signer: Signer, before: float) -> bool:
        """Whether a later answer, which surely counted, lacks the key."""
        later = (one for one in view.goods if one.sure and one.began > good.began and one.taken < before)
        return any(signer not in one.keys for one in later)

    # -- refused

    def _judge_refused(self, call: Call, signer: Signer, view: View, error: BaseException) -> None:
        if self._is_refused(call.name, view, signer):
            return
        if any(self._serves(view, good, signer, call) for good in view.goods):
            raise Fault("a usable key verifies", f"{call.kid} of {call.name} is told {_told(error)}")
        issuer = view.issuer
        good = issuer.good_since <= call.came
        if (
            good
            and signer.published_at <= call.came
            and getattr(error, "confirmed", False)
            and _is_401(error)
        ):
            raise Fault("what is confirmed is so", f"{call.kid} of {call.name} is told {_told(error)}")
        if not self._settled(view, call) or call.in_flight or view.kid is not None:
            return
        if len(view.issuer.names) > 1:
            return  # names that share a place share its budget: a flood of one may hold up the other
        if call.came > signer.published_at + self._window(signer, error) + NEAR:
            late = call.came - signer.published_at
            raise Fault(
                "a rotation is found in time", f"{call.kid} of {call.name}: {_told(error)} after {late:.1f} s"
            )
        if not _is_401(error):
            raise Fault(
                "no 503 of an issuer that answers", f"{call.kid} of {call.name} is told {_told(error)}"
            )

    def _judge_stranger(self, call: Call, view: View, error: BaseException) -> None:
        if self._settled(view, call) and not call.in_flight and not _is_401(error):
            raise Fault(
                "no 503 that a stranger can cause", f"{call.kid} of {call.name} is told {_told(error)}"
            )

    def _serves(self, view: View, good: Good, signer: Signer, call: Call) -> bool:
        """Whether this answer surely makes the token pass."""
        if not good.sure or good.taken > call.came or signer not in good.keys:
            return False
        if view.kid is not None and not view.proved:
            return False  # of keys that are published one by one, what has verified nothing may be pushed out
        if any(one.began > good.began and signer not in one.keys for one in view.goods):
            return False
        return call.ended < good.stale_until - NEAR

    def _late(self, job: Job) -> bool:
        return self.observed.world.now - (job.began or 0.0) > job.seconds - NEAR

    def _settled(self, view: View, call: Call) -> bool:
        """Whether it has answered well for so long that no pause is left, and no refresh stood in line."""
        quiet = view.issuer.good_since + self.freshness.wait + MOST_RETRY + 10.0
        return (
            call.came >= quiet
            and call.came >= view.lined_at + QUIET
            and not call.in_line
            and not view.issuer.fleeting
        )

    def _window(self, signer: Signer, error: BaseException) -> float:
        """Seconds in which a new key may be missed: twice as many where the last draw is not for its tokens,
        since its key id has another key, or was asked about before it was published."""
        asked_before = self.asked_at.get(signer.kid, NEVER) <= signer.published_at
        last_is_kept = asked_before or getattr(error, "code", "") == "signature_invalid"
        return max(self.freshness.draw_every, SLOWEST) * (2 if last_is_kept else 1)

    def _distrusts(self, name: str, signer: Signer) -> bool:
        return (name, signer.kid) in self.distrusted or (name, signer) in self.signers_distrusted

    def _is_refused(self, name: str, view: View, signer: Signer) -> bool:
        """Whether it may be refused: a header that names a leaked or distrusted key is no question."""
        distrusted = (key for issuer, key in self.signers_distrusted if issuer == name)
        named = any(signer.kid == key.kid for key in (*view.issuer.leaked, *distrusted))
        return named or self._distrusts(name, signer)


def _is_401(error: BaseException) -> bool:
    return getattr(error, "status", 0) == 401


def _told(error: BaseException) -> str:
    confirmed = getattr(error, "confirmed", None)
    after = getattr(error, "retry_after", None)
    return f"{getattr(error, 'code', error)} (confirmed={confirmed}, retry_after={after})"

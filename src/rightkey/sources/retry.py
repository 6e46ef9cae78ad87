"""The one retry: get newer keys for a token that the held ones do not verify, and judge it again.

Iterate it, wait for each job as your kind of verifier can, then take `verified`:

    for job in retry:
        wait(job, retry.patience)

A token without keys waits for one attempt to get some. One that the held keys do not satisfy has them fetched
again once; a job that began before the token came does not count as that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rightkey.sources.jobs import Job
from rightkey.sources.source import Source
from rightkey.verdict.held import Held, NeedsNewer, Outlook, fault_of

MAX_ATTEMPTS = 2
"""How many attempts to have any keys at all one caller waits for. The first may have begun too early; where
an answer takes longer than keys live, none ever comes in time."""

_Outcome = TypeVar("_Outcome")


class Retry(Generic[_Outcome]):
    """One caller's retry.

    Args:
        source: of the keys.
        judge: judges the token by the keys held, after what was needed before.
        moment: when the token came, by COUNT.
        judged: the keys by which it was judged before.
        need: what was needed then.
        threads: whether the caller blocks a thread while it waits.
    """

    def __init__(
        self,
        source: Source,
        judge: Callable[[Held, NeedsNewer | None], _Outcome | NeedsNewer],
        moment: int,
        judged: Held,
        need: NeedsNewer,
        *,
        threads: bool,
    ) -> None:
        self._source = source
        self._judge = judge
        self._moment = moment
        self._waiter = self if threads else None
        self._attempts = 0
        self._waited = False
        self._until = time.monotonic() + source.wait
        self._judged, self._need = judged, need
        self.verified: _Outcome

    @property
    def patience(self) -> float:
        """Seconds of real time that the caller may wait yet."""
        return max(0.0, self._until - time.monotonic())

    def __iter__(self) -> Iterator[Job]:
        """Each job to wait for. Raises what `verify` raises."""
        # Keys may have come between judging and asking: of them the first judgement says nothing.
        needs = self._judge_again(None) if self._source.held() != self._judged else True
        while needs:
            if self._waited and self._need.reason == "no_keys":
                raise fault_of(self._need, self._source.unanswered(self._need, self._moment))
            answer = self._source.newer(self._need, self._moment, self._waiter)
            if isinstance(answer, Outlook):
                needs = self._stop(answer)
                continue
            try:
                yield answer
            finally:
                answer.waiters.discard(self._waiter)
            needs = self._after(answer)

    def _stop(self, outlook: Outlook) -> bool:
        """There is no job to wait for. Whether more is needed, by keys that have come meanwhile."""
        self._waited = True  # from now on this caller is served what is past its life and within its bound
        if self._need.reason == "no_keys":
            return self._judge_again(None)
        if self._source.held(waited=True) != self._judged:
            return self._judge_again(self._need)
        raise fault_of(self._need, outlook)

    def _after(self, job: Job) -> bool:
        """A job was waited for. Whether more is needed."""
        over = job.done.done() and not job.refused
        if self._need.reason == "no_keys":
            self._attempts += 1
            self._waited = not over or self._attempts >= MAX_ATTEMPTS
            return self._judge_again(None)
        if not over:
            return self._stop(self._source.unanswered(self._need, self._moment))
        return self._judge_again(self._need)

    def _judge_again(self, before: NeedsNewer | None) -> bool:
        """Whether more is needed still; the verdict is reached otherwise."""
        self._judged = self._source.held(waited=self._waited)
        outcome = self._judge(self._judged, before)
        if isinstance(outcome, NeedsNewer):
            self._need = outcome
            return True
        self.verified = outcome
        return False

"""Retry: one caller's way to keys that the held ones are not, up to the verdict.

Iterate it, wait for each job as your face can, then take `verified`:

    for job in retry:
        wait(job, retry.patience)

A token without keys waits for one attempt to get some. One that the held keys do not satisfy has them
fetched anew once; a job that began before the token came does not count as that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rightkey.sources.jobs import Job
from rightkey.sources.source import Source
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.verified import Verified

MAX_NEWER = 4
"""How many newly fetched keys are tried on one token."""
MAX_ATTEMPTS = 2
"""How many attempts to have any keys at all one caller waits for."""


class Retry:
    """One caller's.

    Args:
        source: of the keys.
        judge: judges the token by the keys held, after what was needed before.
        came: the source's moment, once the token had come.
        judged: the keys by which it was judged before.
        need: what was needed then.
        threads: whether the caller blocks a thread while it waits.
    """

    def __init__(
        self,
        source: Source,
        judge: Callable[[Held, NeedsNewer | None], Verified],
        came: int,
        judged: Held,
        need: NeedsNewer,
        *,
        threads: bool,
    ) -> None:
        self._source = source
        self._judge = judge
        self._came = came
        self._waiter = self if threads else None
        self._attempts = 0
        self._waited = False
        self._until = time.monotonic() + source.wait
        self._judged, self._first = judged, need
        self.verified: Verified

    @property
    def patience(self) -> float:
        """Seconds of real time that the caller may wait yet."""
        return max(0.0, self._until - time.monotonic())

    def __iter__(self) -> Iterator[Job]:
        """Each job to wait for. Raises what `verify` raises."""
        # Keys may have come between judging and asking: of them the first judgement says nothing.
        moved = self._source.held() != self._judged
        need = self._need(None) if moved else self._first
        while need is not None and need.reason == "no_keys":
            if self._waited:
                raise self._source.verdict(need, self._came, answered=True)
            yield from self._first_keys()
            need = self._need(None)
        while need is not None:
            job = self._source.newer(need, self._came, self._waiter)
            if job is None:
                if self._source.held(waited=self._waited) == self._judged:
                    raise self._source.verdict(need, self._came, answered=True)
                need = self._need(need)  # another caller's job was over between judging and asking
                continue
            try:
                yield job
            finally:
                job.waiters.discard(self._waiter)
            if not job.done.done():
                raise self._source.verdict(need, self._came, answered=False)
            need = self._need(need)

    def _first_keys(self) -> Iterator[Job]:
        """One attempt to have keys that may be used, as long as there is one to wait for. When there is no
        more, this caller is served what is within its bound; and after a second one as well: the first may
        have begun too early, but where an answer takes longer than keys live none ever comes in time.
        """
        job = self._source.obtain()
        if job is not None:
            yield job
        self._attempts += 1
        self._waited = job is None or not job.done.done() or self._attempts >= MAX_ATTEMPTS

    def _need(self, before: NeedsNewer | None) -> NeedsNewer | None:
        """What is still needed; None where the verdict is reached."""
        self._judged = self._source.held(waited=self._waited)
        try:
            self.verified = self._judge(self._judged, before)
        except NeedsNewer as need:
            return need
        return None

"""Lookup: an issuer's keys, or one of them by its key id, for those who verify tokens by other means.

A look-up is a generator: it yields each job to wait for, with the seconds to wait at most, and returns what
it found. Threads and tasks differ in how they wait: `waited` and `awaited`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeAlias, TypeVar

from rightkey.errors import TokenRejected
from rightkey.jose.jws import Header
from rightkey.jose.keyset import KeySet
from rightkey.sources.elapsed import COUNT
from rightkey.sources.jobs import JOBS, Job
from rightkey.sources.retry import Retry
from rightkey.sources.waiting import wait_async
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verifier.one import TrustedIssuer

_Found = TypeVar("_Found")
Steps: TypeAlias = Generator[tuple[Job, float], None, _Found]


class Lookup:
    """Look-ups in the keys of one issuer.

    Args:
        one: the issuer.
        threads: whether callers block a thread while they wait.
    """

    def __init__(self, one: TrustedIssuer, *, threads: bool) -> None:
        self._one, self._threads = one, threads

    def keys(self) -> Steps[KeySet]:
        """The keys that may be used now. Raises IssuerUnavailable."""
        return self._judged(_named(None), lambda keys: keys)

    def key(self, kid: str, find: Callable[[KeySet], _Found | None], missing: TokenRejected) -> Steps[_Found]:
        """What of the keys a key id names. They are fetched once more where there is none, within the budget.

        Args:
            kid: the key id.
            find: finds it in a set; None where it is not there.
            missing: raised where it is in none.

        Raises:
            IssuerUnavailable: `keys_unavailable`: it is not held, and the issuer could not be asked.
        """
        header = _named(kid)

        def judged(keys: KeySet) -> _Found | NeedsNewer:
            found = find(keys)
            if found is not None:
                return found
            if keys.names_refused(header):  # it leaked, or is distrusted: newer keys do not mend that
                raise missing
            return NeedsNewer("nothing_fits", header, missing)

        return self._judged(header, judged)

    def refetched(self) -> Steps[KeySet]:
        """The keys, fetched now, whatever backoff and budget say. Raises IssuerFault."""
        for job in self._one.refetched():
            yield job, job.seconds
        self._one.require_keys(fresh=True)
        return (yield from self.keys())

    def _judged(self, header: Header, judge: Callable[[KeySet], _Found | NeedsNewer]) -> Steps[_Found]:
        def judged(held: Held, before: NeedsNewer | None) -> _Found | NeedsNewer:
            return NeedsNewer("no_keys", header) if held.keys is None else judge(held.keys)

        moment = next(COUNT)
        held = self._one.source.held()
        found = judged(held, None)
        if isinstance(found, NeedsNewer):
            retry = Retry(self._one.source, judged, moment, held, found, threads=self._threads)
            for job in retry:
                yield job, retry.patience
            return retry.verified
        return found


def waited(steps: Steps[_Found]) -> _Found:
    """What a look-up finds, on a thread. Raises what it raises."""
    with closing(steps):
        try:
            while True:
                JOBS.wait(*next(steps))
        except StopIteration as end:
            found: _Found = end.value
            return found


async def awaited(steps: Steps[_Found]) -> _Found:
    """What a look-up finds, in a task. Raises what it raises."""
    with closing(steps):
        try:
            while True:
                await wait_async(*next(steps))
        except StopIteration as end:
            found: _Found = end.value
            return found


def _named(kid: str | None) -> Header:
    """The header of a token of which no more is known."""
    return Header("", kid, None, None, None, None, "", {})

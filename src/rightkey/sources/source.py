"""Where keys come from, one source a file. `Source` is what a verifier needs of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rightkey.errors import IssuerFault
from rightkey.freshness.status import Status
from rightkey.jose.keyset import KeySet
from rightkey.sources.jobs import Job
from rightkey.verdict.held import Held, NeedsNewer


@dataclass(frozen=True, slots=True)
class Located:
    """What a source of keys knows at the end. `keys` is None where there are none."""

    keys: KeySet | None
    issuer: str | None = None
    expected: tuple[str, ...] | None = None
    jwks_uri: str | None = None
    requests: tuple[tuple[str, str], ...] = ()
    failure: IssuerFault | None = None
    age: float | None = None
    origin: str = "handed over"
    """Where they are, in words that follow `keys`."""
    parts: tuple[Located, ...] = ()
    """What each of several sources knows, in their order."""


class Source(Protocol):
    """Keys at hand, and a way to newer ones. None of it blocks."""

    @property
    def wait(self) -> float:
        """Seconds that one caller waits in all."""

    def moment(self) -> int:
        """A count that grows with each reading, so that it can be told what came before what."""

    def held(self, *, waited: bool = False) -> Held:
        """The keys that may be used now; none where a caller must wait or go.

        Args:
            waited: whether the caller has waited for an attempt already.
        """

    def obtain(self) -> Job | None:
        """The job to wait for where no keys may be used; None where it is too early to ask."""

    def newer(self, need: NeedsNewer, came: int, waiter: object | None) -> Job | None:
        """The job to wait for so that newer keys may mend a token; None where none is to be had.

        Args:
            need: what the token needs.
            came: the moment at which the token came.
            waiter: what stands for a waiting thread, of which only so many may wait; None for a task.
                It is among the job's `waiters` until it leaves.

        Raises:
            TokenRejected, IssuerUnavailable: the verdict, where it could not be asked for.
        """

    def located(self) -> Located:
        """What is known of where the keys are, for whoever explains."""

    def verdict(self, need: NeedsNewer, came: int, *, answered: bool) -> Exception:
        """What a token is told that was not mended. `answered`: whether the wait was not in vain."""

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if no keys may be used.

        Args:
            fresh: whether what is held does not count where the last attempt failed.
        """

    def status(self) -> Status:
        """How things are."""

"""Source: what a verifier needs of where its keys come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rightkey.errors import IssuerFault, IssuerUnavailable
from rightkey.exchange import Transport, plain_http_of
from rightkey.freshness.refresh import Elapsed
from rightkey.freshness.settings import Freshness
from rightkey.freshness.status import Status
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.sources.jobs import Job
from rightkey.verdict.held import Held, NeedsNewer, Outlook

if TYPE_CHECKING:
    from rightkey.stores.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Means:
    """How keys are fetched, and how fresh they are kept."""

    given: Transport | None
    """None: the default one, which is loaded with the first source that fetches."""
    freshness: Freshness
    elapsed: Elapsed
    fleet: Fleet | None = None
    """What is shared with other processes; None: nothing."""

    @property
    def transport(self) -> Transport:
        """What fetches."""
        if self.given is not None:
            return self.given
        from rightkey.transport.default import DefaultTransport  # as slow to load as all the rest

        return DefaultTransport()

    @property
    def plain_http(self) -> tuple[str, ...]:
        """The hosts beyond loopback that may be asked by http."""
        return () if self.given is None else plain_http_of(self.given)


@dataclass(frozen=True, slots=True)
class Located:
    """What a source of keys knows of them, for `locate`, `prepare` and `explain`. `keys` is None where there
    are none."""

    keys: KeySet | None
    issuer: str | None = None
    expected: tuple[str, ...] | None = None
    jwks_uri: str | None = field(default=None, repr=False)
    requests: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    failure: IssuerFault | None = None
    age: float | None = None
    origin: str = "handed over"
    """Where they are, in words that follow `keys`."""
    parts: tuple[Located, ...] = ()
    """What each of several sources knows, in their order."""

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if no keys may be used.

        Args:
            fresh: whether keys do not count where the last attempt failed.
        """
        if self.keys is not None and not fresh:
            return
        for part in self.parts:
            part.require_keys(fresh=fresh)
        if self.failure is not None:
            # It is kept, and may be raised again: without the frames of those who had it before.
            raise self.failure.with_traceback(None)
        if self.keys is None:
            message = f"no keys {self.origin}: no attempt has come to an end"
            raise IssuerUnavailable("keys_unavailable", message, retry_after=1.0)


class Source(Protocol):
    """Keys at hand, and a way to newer ones. None of it blocks."""

    @property
    def wait(self) -> float:
        """Seconds that one caller waits in all."""

    def held(self, *, waited: bool = False) -> Held:
        """The keys that may be used now; none where a caller must wait or go.

        Args:
            waited: whether the caller has waited for an attempt already.
        """

    def newer(self, need: NeedsNewer, moment: int, waiter: object | None) -> Job | Outlook:
        """The job to wait for so that newer keys may mend a token; or why there is none.

        Args:
            need: what the token needs.
            moment: when the token came, by COUNT.
            waiter: stands for a waiting thread, of which only so many may wait; None for a task. It is among
                the job's `waiters` until it leaves.
        """

    def unanswered(self, need: NeedsNewer, moment: int) -> Outlook:
        """The outlook where a job did not end in time, or could not be started. `moment`: as above."""

    def located(self) -> Located:
        """What is known of where the keys are."""

    def status(self) -> Status:
        """How things are."""


@runtime_checkable
class MarksInUse(Protocol):
    """A source that lets go of unused keys before those that have verified a token (`ByKid`)."""

    def mark_in_use(self, key: Key) -> None:
        """This key has verified a token."""

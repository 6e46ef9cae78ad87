"""TrustedIssuer: one issuer's trust, keys and remembered tokens, and what a verifier asks of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rightkey.errors import Misconfigured, RightkeyError, is_number
from rightkey.freshness.settings import Freshness
from rightkey.issuer.identity import identity_of
from rightkey.policy.trust import Trust
from rightkey.verdict.attempt import Demands, attempt
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.memory import Memory
from rightkey.verdict.verified import Verified

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.status import Status
    from rightkey.proof.settings import DPoP
    from rightkey.sources.announcer import Announcer
    from rightkey.sources.fleets import Member
    from rightkey.sources.jobs import Job
    from rightkey.sources.opaque import Opaque, OpaqueVerification
    from rightkey.sources.remote import Remote
    from rightkey.sources.retry import Retry
    from rightkey.sources.source import Means
    from rightkey.sources.watched import Watched
    from rightkey.telemetry.verdicts import Verdicts
    from rightkey.verdict.denylist import Denylist
    from rightkey.verifier.denylist import VerifierDenylist
    from rightkey.verifier.explaining import Explanation
    from rightkey.verifier.proving import Origin, Proving


class Surroundings(NamedTuple):
    """What a verifier is given of the world. None: looked up when it is needed."""

    freshness: Freshness = Freshness()
    transport: Transport | None = None
    clock: Callable[[], float] | None = None
    elapsed: Callable[[], float] | None = None
    listener: Listener | None = None
    origin: Origin = None
    dpop: DPoP | None = None
    store: Any = None
    store_secret: Any = None
    denylist: Denylist | None = None

    def __repr__(self) -> str:
        return "Surroundings(...)"  # it may hold a secret

    def require_sound(self) -> None:
        """Raises Misconfigured: something is of another kind, and would fail with the first token."""
        if not isinstance(self.freshness, Freshness):
            raise Misconfigured(
                "freshness must be a Freshness", hint="such as rightkey.Freshness(max_life=600)"
            )
        transport: Any = self.transport
        theirs = isinstance(transport, type) or type(transport).__module__.partition(".")[0] in _CLIENTS
        theirs = theirs or isinstance(transport, Mapping)  # which has a `get`, too
        if transport is not None and (theirs or not callable(getattr(transport, "get", None))):
            raise Misconfigured(
                "transport must have a method get(request) -> Response",
                hint="a client of httpx or httpx2 is given as rightkey.transport.HttpxTransport(client)",
            )
        for name in ("clock", "elapsed", "listener"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise Misconfigured(f"{name} must be a function")

    @property
    def sound_clock(self) -> Callable[[], float] | None:
        """The clock, of which each reading is a time in seconds; None for that of the system.

        To NaN no token has expired. (To a clock in milliseconds every one has, which lets nothing in.) It
        raises Misconfigured.
        """
        return None if self.clock is None else partial(_read, self.clock)

    def proving(self) -> Proving:
        """What judges proofs. Raises Misconfigured."""
        from rightkey.verifier.proving import Proving

        fleet = self.fleet()
        if fleet is None or not fleet.marks:
            return Proving(self.origin, self.dpop)
        from rightkey.sources.marks import Marks

        return Proving(self.origin, self.dpop, Marks(fleet.first, self.sound_clock))

    def fleet(self) -> Member | None:
        """The fleet that shares the store; None where there is none. Raises Misconfigured."""
        if self.store is None and self.store_secret is None:
            return None
        from rightkey.sources.fleets import fleet_of  # a process without a store does without

        return fleet_of(self.store, self.store_secret)

    def verifier_denylist(self) -> VerifierDenylist | None:
        """What asks the denylist; None where there is none. Raises Misconfigured."""
        if self.denylist is None:
            return None
        from rightkey.verifier.denylist import VerifierDenylist

        return VerifierDenylist(self.denylist, self.fleet(), self.sound_clock)

    def required_verifier_denylist(self) -> VerifierDenylist:
        """The same, where there must be one. Raises Misconfigured."""
        denylist = self.verifier_denylist()
        if denylist is None:
            raise Misconfigured("deny() needs denylist=", hint='such as rightkey.Denylist(on_loss="refuse")')
        return denylist

    def verdicts(self) -> Verdicts:
        """What tells listeners of verdicts; the log is one of them, from the first verifier on."""
        from rightkey.sources.elapsed import SYSTEM
        from rightkey.telemetry import log
        from rightkey.telemetry.verdicts import Verdicts

        log.begin()
        return Verdicts(self.listener, self.elapsed or SYSTEM)


_CLIENTS = ("aiohttp", "httpx", "httpx2", "requests", "urllib3")
"""Their clients have a `get`, too, which takes no Request."""


def _read(clock: Callable[[], float]) -> float:
    told = clock()
    if not is_number(told):
        raise Misconfigured("clock must return a number of seconds since 1970", hint="as time.time does")
    return told


def denied_as(issuer: Any, here: Iterable[TrustedIssuer]) -> str:
    """The identity under which an issuer's tokens are denied: of a name that its provider uses beside that of
    one issuer here, such as Apple's older one, it is that issuer's. Raises Misconfigured: it is no string, or
    an empty one, which names none.
    """
    if not isinstance(issuer, str):
        raise Misconfigured(f"issuer must be a string, not {type(issuer).__name__}")
    if not issuer:
        raise Misconfigured("issuer must not be empty")
    identity = identity_of(issuer)
    for one in here:
        vendor = one.trust.vendor
        if vendor is not None and identity in map(identity_of, vendor.aliases):
            return one.record.identity
    return identity


class TrustedIssuer:
    """One issuer, for one verifier.

    What touches the world (threads, the registry, a transport) is loaded here, with the first verifier that
    needs it, and not with the name `Verifier`: to import that is to load what the standards say, and no more.

    Raises:
        Misconfigured: the keys cannot be found by what the trust says.
    """

    def __init__(self, trust: Trust, memory: Memory, surroundings: Surroundings) -> None:
        from rightkey.sources.announcer import Subscription
        from rightkey.sources.elapsed import SYSTEM
        from rightkey.sources.given import record_of, source_of
        from rightkey.sources.source import MarksInUse, Means

        self.trust, self.memory = trust, memory
        self.clock = surroundings.sound_clock
        self.fleet = surroundings.fleet()
        elapsed = surroundings.elapsed or SYSTEM
        means = Means(surroundings.transport, surroundings.freshness, elapsed, self.fleet)
        self.record = record_of(trust)
        self.source = source_of(trust, means, self.record)
        self.mark_in_use = self.source.mark_in_use if isinstance(self.source, MarksInUse) else None
        """To be called with each key that has verified a token; None where the source need not know."""
        self._opaque = None if trust.introspection is None else self._opaque_of(means)
        # A logout token is of a session that has ended, and no token of it.
        denylist = surroundings.verifier_denylist()
        self.verifier_denylist = None if trust.profile in ("logout", "event") else denylist
        self.concludes = self.mark_in_use is not None or self.verifier_denylist is not None
        """Whether there is more to a token than `attempt` says of it."""
        listener = surroundings.listener
        self._subscription = None if listener is None else Subscription(listener)
        if self._subscription is not None:
            for announcer in self._announcers():
                announcer.subscribe(self._subscription)

    def _opaque_of(self, means: Means) -> Opaque:
        from rightkey.sources.opaque import Opaque  # few services take opaque tokens

        return Opaque(self.trust, self.source, means)

    def _announcers(self) -> Iterator[Announcer]:
        yield from (remote.announcer for remote in self.remotes)
        if self.fleet is not None:
            yield self.fleet.announcer
        if self._opaque is not None:
            yield self._opaque.introspector.announcer

    # -- one token

    def takes_opaque(self, raw: str | bytes) -> bool:
        """Whether the issuer is asked about this text, since it is no JWT."""
        introspection = self.trust.introspection
        return introspection is not None and introspection.takes(raw)

    def now(self) -> float:
        """The Unix time in seconds; the system's is looked up at each call, since a test may replace it."""
        return time.time() if self.clock is None else self.clock()

    def retry(
        self, raw: str | bytes, demands: Demands, now: float, held: Held, need: NeedsNewer, *, threads: bool
    ) -> Retry[Verified] | OpaqueVerification:
        """The one retry for a token that needs newer keys than those by which it was judged; or what asks the
        issuer about it, if it is opaque."""
        if need.reason == "opaque":
            from rightkey.sources.opaque import OpaqueVerification

            assert self._opaque is not None  # noqa: S101 - else it was read as a JWT
            return OpaqueVerification(self._opaque, raw, now, demands, threads=threads)
        from rightkey.sources.elapsed import COUNT
        from rightkey.sources.retry import Retry

        def judge(held: Held, before: NeedsNewer | None) -> Verified | NeedsNewer:
            return attempt(self.trust, raw, held, now, demands, self.memory, before)

        return Retry(self.source, judge, next(COUNT), held, need, threads=threads)

    def explained(
        self, raw: str | bytes, outcome: Verified | RightkeyError, demands: Demands, now: float
    ) -> Explanation:
        """The path of a token that was judged at `now`, with this outcome."""
        if self.takes_opaque(raw):
            from rightkey.verifier.introspected import explain_opaque

            return explain_opaque(outcome, demands)
        from rightkey.verifier.explaining import explain

        return explain(self.trust, raw, self.source.located(), now, outcome, demands)

    # -- the keys

    def distrust(self, name: str) -> None:
        """Refuse the keys with this key id or thumbprint, in every verifier of the issuer in the process, and
        in those of its fleet."""
        self.refuse(name)
        if self.fleet is not None:
            self.fleet.distrust(self.record.identity, name)

    def refuse(self, name: str) -> None:
        """The same, in this process alone."""
        from rightkey.sources.guard import GUARD

        with GUARD:
            self.record.distrust(name)

    def status(self) -> Status:
        """How fresh the keys are."""
        return self.source.status()

    def unheld(self) -> list[Job]:
        """Jobs for keys where none are held, all of them begun."""
        jobs = [kept.obtain() for kept in self.kept if kept.held().keys is None]
        return [job for job in jobs if job is not None]

    def refetched(self) -> list[Job]:
        """Jobs that have all keys fetched or read again, all of them begun."""
        jobs = [kept.refetch() for kept in self.kept]
        return [job for job in jobs if job is not None]

    def require_keys(self, *, fresh: bool) -> None:
        """Raise what went wrong, if no keys may be used, or none that are `fresh`."""
        self.source.located().require_keys(fresh=fresh)

    @property
    def kept(self) -> tuple[Remote | Watched, ...]:
        """The sources that are fetched or read again, and none whose keys were passed in. Of keys that are
        published one by one, those of the key ids asked for so far."""
        from rightkey.sources.given import kept_in

        return kept_in(self.source)

    @property
    def fetches(self) -> bool:
        """Whether keys are fetched, as opposed to passed in."""
        from rightkey.sources.given import fetches

        return fetches(self.source)

    @property
    def remotes(self) -> list[Remote]:
        """What of the source is fetched."""
        from rightkey.sources.remote import Remote

        return [kept for kept in self.kept if isinstance(kept, Remote)]

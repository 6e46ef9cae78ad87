"""VerifierDenylist: a verifier's denylist, looked up once a token is known to be good, remembered or not.

What does this is loaded with the first verifier that has a denylist: others pay nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from rightkey.errors import IssuerUnavailable, Misconfigured, TokenRejected
from rightkey.issuer.identity import identity_of
from rightkey.sources.aside import aside
from rightkey.sources.guard import GUARD
from rightkey.verdict.denylist import Denial, DenialSet, Denylist, denial

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.sources.fleets import Member

MAX_WAIT = 2.0
"""Seconds that a task waits for a denylist's store, at most."""
TOLD = {
    "session_denied": "the token's session has ended",
    "subject_denied": "the token was issued before its subject was logged out everywhere",
    "token_denied": "the token was revoked",
    "issuer_denied": "the token is older than what is taken of its issuer",
}
"""What is said for each reason: nothing that a token says."""
_identity = lru_cache(1024)(identity_of)


@cache
def own() -> DenialSet:
    """The denylist of this process: a verifier may be built for each request, and another beside it."""
    return DenialSet(GUARD)


class VerifierDenylist:
    """The denylist, as a verifier asks it.

    Args:
        denylist: the setting.
        fleet: the verifier's, if it has one.
        clock: the time for claims; None for the system's.

    Raises:
        Misconfigured: it is no Denylist, or its store keeps none.
    """

    def __init__(self, denylist: Any, fleet: Member | None, clock: Callable[[], float] | None) -> None:
        if not isinstance(denylist, Denylist):
            raise Misconfigured(
                "denylist must be a Denylist", hint='such as rightkey.Denylist(on_loss="refuse")'
            )
        if denylist.store is not None or denylist.store_secret is not None:
            from rightkey.sources.fleets import fleet_of

            fleet = fleet_of(denylist.store, denylist.store_secret)
        self._settings, self._clock = denylist, clock
        self._shared = None if fleet is None else fleet.denials()
        self._denied = own() if self._shared is None else self._shared.denied

    @property
    def late(self) -> bool:
        """Whether the list must be read before it can be asked."""
        return self._shared is not None and self._shared.late

    def catch_up(self) -> None:
        """Read the list, if it is late."""
        if self._shared is not None:
            self._shared.catch_up()

    async def catch_up_async(self) -> None:
        """The same in tasks, without blocking the event loop."""
        try:
            await aside(self.catch_up, MAX_WAIT)
        except TimeoutError:
            return  # what is late is judged so

    def judge(self, identity: str, claims: Mapping[str, Any], now: float) -> None:
        """Refuse a token that is denied.

        Args:
            identity: that of the issuer that it was verified for; its `iss` may be another spelling, or a
                tenant's.
            claims: its own.
            now: Unix time in seconds.

        Raises:
            TokenRejected: `token_revoked`, with a reason of `TOLD`.
            IssuerUnavailable: `store_unavailable`: the list cannot be read, and `on_loss` is `refuse`.
        """
        stated = claims.get("iss")
        of_token = _identity(stated) if isinstance(stated, str) else identity
        reason = self._denied.reason({identity, of_token}, claims, now)
        if reason is not None:
            raise TokenRejected("token_revoked", TOLD[reason], reason=reason)
        if self.late and not self._settings.serves:
            raise _unavailable("the denylist cannot be read")

    def denial(self, identity: str, before: float | None, until: float | None, **names: Any) -> Denial:
        """The entry that is asked for. Raises Misconfigured."""
        now = time.time() if self._clock is None else self._clock()
        named: dict[Any, Any] = names
        return denial(identity, now, self._settings.longest, names=named, before=before, until=until)

    def deny(self, denial: Denial) -> None:
        """Refuse it from now on, in all processes that share the list within a second.

        Raises:
            IssuerUnavailable: `store_unavailable`: the store does not have it, or there is no room.
        """
        if self._shared is not None:
            from rightkey.stores.store import StoreFailed

            try:
                self._shared.deny(denial)
            except StoreFailed as error:
                raise _unavailable(f"the denylist did not take it: {error}") from error
        elif not self._denied.add(denial, time.time() if self._clock is None else self._clock()):
            raise _unavailable("the denylist did not take it: there is no room for another denial")

    async def deny_async(self, denial: Denial) -> None:
        """The same in tasks, without blocking the event loop."""
        if self._shared is None:
            self.deny(denial)
            return
        try:
            await aside(lambda: self.deny(denial), MAX_WAIT)
        except TimeoutError:
            raise _unavailable("the denylist did not take it in time") from None


def require_receiver(verifier: Any, profile: str) -> None:
    """Raises Misconfigured: no verifier of tokens of this profile alone, or one without a denylist."""
    surroundings = verifier._settings[2]
    if any(one.trust.profile != profile for one in verifier._all()):
        raise Misconfigured(f"the verifier must be one of {profile} tokens", hint=f'profile="{profile}"')
    surroundings.required_verifier_denylist()


def _unavailable(told: str) -> IssuerUnavailable:
    error = IssuerUnavailable("store_unavailable", told, retry_after=1.0)
    error._step = "denylist"
    return error

"""Proving: the proof that came with a token, judged once the token is known to be good, and used up.

What judges proofs is loaded with the first of them, or with the first verifier that is told of them: others
pay nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from rightkey.errors import IssuerUnavailable, Misconfigured, TokenRejected

if TYPE_CHECKING:
    from rightkey.policy.presented import Presented
    from rightkey.proof.dpop import Proofs
    from rightkey.proof.replays import Replays, Seen
    from rightkey.proof.settings import DPoP
    from rightkey.sources.marks import Marks
    from rightkey.verdict.verified import Verified

Origin: TypeAlias = "str | Collection[str] | None"


@cache
def replays() -> Replays:
    """The used proofs of this process: a verifier may be built for each request, and another beside it."""
    from rightkey.proof.replays import Replays
    from rightkey.sources.guard import GUARD

    return Replays(GUARD)


class Proving:
    """Proofs, as one verifier asks for them.

    Args:
        origin: the URL by which clients know the API, or several; None where none was given.
        dpop: what proofs must be; None for what is so by default.
        shared: what remembers used proofs for a whole fleet; None for this process alone. What `dpop` says
            counts first.

    Raises:
        Misconfigured: either is not as described.
    """

    def __init__(self, origin: Origin, dpop: DPoP | None, shared: Marks | None = None) -> None:
        self._origin, self._dpop, self._shared = origin, dpop, shared
        self.algorithms: tuple[str, ...] = ()
        """Those of the proofs that are asked for: none where no origin is known."""
        if origin is not None or dpop is not None:
            rules = self._proofs.rules
            self.algorithms = () if origin is None else tuple(rules.algorithms)

    def schemes(self, senders: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Under which schemes tokens may come, and for `DPoP` by which algorithms proofs may be.

        Args:
            senders: `sender=` of each issuer that is trusted; none if they are not known beforehand.
        """
        if not self.algorithms:
            return {"Bearer": ()}
        bound = bool(senders) and all(one == "bound" for one in senders)
        return ({} if bound else {"Bearer": ()}) | {"DPoP": self.algorithms}

    def prove(self, ath: str, token: Verified, presented: Presented, now: float) -> None:
        """Judge the proof beside a token that came under the scheme `DPoP`, and use it up.

        Args:
            ath: what it must say of the token.
            token: it, known to be good.
            presented: the request.
            now: Unix time in seconds.

        Raises:
            TokenRejected: `proof_rejected`.
            IssuerUnavailable: `store_unavailable`: what remembers used proofs did not answer.
        """
        mark, until = self._proofs.judge(ath, token.claims["cnf"]["jkt"], presented, now)
        if mark != presented.spent:
            if not self.is_first(mark, until):
                raise _replayed()
            presented.spent = mark

    async def prove_async(self, ath: str, token: Verified, presented: Presented, now: float) -> None:
        """Like `prove`, in tasks."""
        mark, until = self._proofs.judge(ath, token.claims["cnf"]["jkt"], presented, now)
        if mark != presented.spent:
            if not await self.is_first_async(mark, until):
                raise _replayed()
            presented.spent = mark

    def is_first(self, mark: bytes, until: float) -> bool:
        """Whether this mark comes for the first time; it is remembered (`Seen.first`).

        Raises IssuerUnavailable: `store_unavailable`.
        """
        try:
            first = self._seen.first(mark, until)
        except Exception as error:
            raise _unavailable(error) from error
        if first is not True and isinstance(first, Awaitable):
            raise _unavailable(TypeError())  # a thread cannot wait for it
        return first

    async def is_first_async(self, mark: bytes, until: float) -> bool:
        """Like `is_first`, in tasks."""
        seen = self._seen
        try:
            first = getattr(seen, "first_async", seen.first)(mark, until)
            return await first if first is not True and isinstance(first, Awaitable) else first
        except Exception as error:
            raise _unavailable(error) from error

    @cached_property
    def _proofs(self) -> Proofs:
        from rightkey.proof.dpop import Proofs
        from rightkey.proof.origin import origins
        from rightkey.proof.settings import DPoP

        rules: Any = DPoP() if self._dpop is None else self._dpop
        if not isinstance(rules, DPoP):
            raise Misconfigured("dpop must be a DPoP", hint="such as rightkey.DPoP(max_age=60)")
        return Proofs(origins(self._origin), rules)

    @cached_property
    def _seen(self) -> Seen:
        own = self._proofs.rules.seen
        if own is None:
            return replays() if self._shared is None else self._shared
        return own


def _replayed() -> TokenRejected:
    from rightkey.policy.confirmation import rejected

    return rejected("proof_replayed", hint="make a new proof for each request")


def _unavailable(error: Exception) -> IssuerUnavailable:
    from rightkey.stores.store import StoreFailed

    why = str(error) if isinstance(error, StoreFailed) else type(error).__name__
    told = f"what remembers used proofs did not answer ({why})"
    return IssuerUnavailable("store_unavailable", told, retry_after=1.0)

"""AsyncVerifier: for tasks of asyncio and trio. Its twin is in threads.py; they differ in the line that
waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Unpack, overload

from rightkey.errors import RightkeyError
from rightkey.verdict.attempt import NO_DEMANDS, Demands, attempt
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.verified import Claims, Typed, Verified
from rightkey.verifier.calls import CallOptions, demands_of
from rightkey.verifier.several import Several
from rightkey.verifier.single import Single

if TYPE_CHECKING:
    from rightkey.policy.trust import Trust
    from rightkey.sources.jobs import Job
    from rightkey.telemetry.verdicts import Verdicts
    from rightkey.verifier.denylist import VerifierDenylist
    from rightkey.verifier.explaining import Explanation
    from rightkey.verifier.one import TrustedIssuer
    from rightkey.verifier.proving import Proving
    from rightkey.verifier.several import AsyncResolver, Resolver


class InTasks:
    """What is asked of a verifier, in tasks of asyncio and trio."""

    _one: TrustedIssuer | None
    _verdicts: Verdicts
    _proving: Proving

    if TYPE_CHECKING:

        def _all(self) -> list[TrustedIssuer]: ...
        async def _issuer_of(self, raw: str | bytes) -> TrustedIssuer: ...
        def _require_fetched(self, what: str = "refresh") -> None: ...
        def _verifier_denylist(self, issuer: str | None) -> tuple[VerifierDenylist, str]: ...

    @overload
    async def verify(
        self, raw: str | bytes, /, *, claims_type: None = None, **options: Unpack[CallOptions]
    ) -> Verified: ...

    @overload
    async def verify(
        self, raw: str | bytes, /, *, claims_type: type[Claims], **options: Unpack[CallOptions]
    ) -> Typed[Claims]: ...

    async def verify(
        self, raw: str | bytes, /, *, claims_type: type[Any] | None = None, **options: Unpack[CallOptions]
    ) -> Verified:
        """Verify a token: its kind, its claims, its key and its signature.

        Args:
            raw: the token, a JWS in compact form; or with `introspection=` an opaque one.
            claims_type: what its claims are made: a dataclass, TypedDict, msgspec Struct, attrs class or
                Pydantic model, which is then `typed` of the result.
            options: `require`: what it must grant besides what the verifier requires. For ID tokens, `nonce`:
                what was sent for it; `access_token`: what came with it, which must fit its `at_hash`;
                `max_age`: how many seconds ago at most its subject must have logged in (`auth_time`). For
                tokens that are bound to their sender, `presented`: how the request presents it.

        Raises:
            TokenRejected: 401; `code` says why.
            InsufficientScope: 403, `scope_insufficient`.
            IssuerUnavailable: 503, `keys_unavailable`, `introspection_failed` or `store_unavailable`: try
                again later, with the same token.
            TypeError: the token is neither str nor bytes.
        """
        began = time.perf_counter() if self._verdicts.subscribers.measured else 0.0
        one = self._one
        try:
            one = one or await self._issuer_of(raw)
            demands = demands_of(options) if options else NO_DEMANDS
            # As in `explain`, but in line: each call less is 3 % of a remembered token.
            now = time.time() if one.clock is None else one.clock()
            held = one.source.held()
            token = attempt(one.trust, raw, held, now, demands, one.memory)
            if type(token) is NeedsNewer or one.concludes or demands.presented is not None:
                token = await self._concluded(one, raw, demands, now, held, token)
            if claims_type is not None:
                token = Typed.of(token, claims_type)
        except RightkeyError as error:
            self._verdicts.refused(raw, None if one is None else one.trust, error, began)
            raise
        if began:
            self._verdicts.verified(one.trust, began)
        return token

    async def explain(self, raw: str | bytes, /, **options: Unpack[CallOptions]) -> Explanation:
        """Verify a token, and tell each step of the path. Raises nothing for a token or an issuer."""
        demands = demands_of(options)
        try:
            one = self._one or await self._issuer_of(raw)
        except RightkeyError as error:
            from rightkey.verifier.explaining import unchosen

            return unchosen(error)
        now = one.now()
        try:
            held = one.source.held()
            judged = attempt(one.trust, raw, held, now, demands, one.memory)
            outcome: Verified | RightkeyError
            outcome = await self._concluded(one, raw, demands, now, held, judged)
        except RightkeyError as error:
            outcome = error
        return one.explained(raw, outcome, demands, now)

    async def prepare(self) -> None:
        """Have the keys of all issuers fetched that have none, before serving.

        Raises:
            IssuerUnavailable: `discovery_failed`, `keys_unavailable`: no answer.
            IssuerMisbehaved: `issuer_mismatch`, `metadata_invalid`, `keyset_invalid`: an answer that
                cannot be accepted.
        """
        jobs = [job for one in self._all() for job in one.unheld()]  # all begin before one is waited for
        for job in jobs:
            await self._wait(job, job.seconds)
        for one in self._all():
            one.require_keys(fresh=False)

    async def refresh(self) -> None:
        """Fetch the keys now, whatever backoff and budget say. Raises as `prepare`."""
        self._require_fetched()
        jobs = [job for one in self._all() for job in one.refetched()]
        for job in jobs:
            await self._wait(job, job.seconds)
        for one in self._all():
            one.require_keys(fresh=True)

    async def deny(
        self,
        *,
        sid: str | None = None,
        sub: str | None = None,
        jti: str | None = None,
        before: float | None = None,
        until: float | None = None,
        issuer: str | None = None,
    ) -> None:
        """Refuse tokens before they end. Arguments and errors are those of `Verifier.deny`."""
        denylist, identity = self._verifier_denylist(issuer)
        denial = denylist.denial(identity, before, until, sid=sid, sub=sub, jti=jti)
        await denylist.deny_async(denial)

    async def _concluded(
        self,
        one: TrustedIssuer,
        raw: str | bytes,
        demands: Demands,
        now: float,
        held: Held,
        outcome: Verified | NeedsNewer,
    ) -> Verified:
        """What `attempt` leaves over: the one retry, the denylist, and last the proof, which is used up."""
        if isinstance(outcome, NeedsNewer):
            retry = one.retry(raw, demands, now, held, outcome, threads=False)
            for job in retry:
                await self._wait(job, retry.patience)
            outcome = retry.verified
        if one.mark_in_use is not None and outcome.key is not None:
            one.mark_in_use(outcome.key)
        if one.verifier_denylist is not None:
            if one.verifier_denylist.late:
                await one.verifier_denylist.catch_up_async()
            one.verifier_denylist.judge(one.record.identity, outcome.claims, now)
        presented = demands.presented
        if presented is not None and presented.by_dpop:
            await self._proving.prove_async(one.memory.hash_of(raw), outcome, presented, now)
        return outcome

    async def _wait(self, job: Job, seconds: float) -> None:
        from rightkey.sources.waiting import wait_async

        await wait_async(job, seconds)


class AsyncVerifier(InTasks, Single):
    __doc__ = Single.__doc__

    @classmethod
    def of(cls, *trusts: Trust | Resolver | AsyncResolver, **settings: Any) -> AsyncVerifiers:
        """A verifier for several issuers: a token's `iss` chooses whose rules and keys count.

        Args:
            trusts: a `Trust` each; or one function that finds the Trust of an issuer, or None, if there are
                more of them than fit a list; it may be a coroutine function.
            settings: `freshness`, `remember` (tokens of all issuers together), `transport`, `clock`,
                `elapsed`, `listener`, `origin` and `dpop`, as a verifier of one issuer has them. And for a
                function, `issuers`: how many are kept, 10,000; `trusted_for`: seconds for which an answer
                counts, 300.

        Raises:
            Misconfigured: no trusts, or two for one issuer.
        """
        return AsyncVerifiers(*trusts, **settings)


class AsyncVerifiers(InTasks, Several):
    """A verifier of several issuers' tokens, in tasks of asyncio and trio. Built by `AsyncVerifier.of`."""

    async def _issuer_of(self, raw: str | bytes) -> TrustedIssuer:
        known = self._known(raw)
        if not isinstance(known, str):
            return known
        try:
            trust = self._resolver(known)
            if isinstance(trust, Awaitable):
                trust = await trust
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is an outage of it
            return self._answers.failed(known, error)
        return self._answers.answered(known, trust)

"""Verifier: the face for threads. Its twin is in aio.py; they differ in the line that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from rightkey.errors import RightkeyError
from rightkey.verdict.attempt import attempt
from rightkey.verdict.held import NeedsNewer
from rightkey.verdict.verified import Claims, Typed, Verified
from rightkey.verifier.one import Face, Require, asked_of

if TYPE_CHECKING:
    from rightkey.policy.trust import Trust
    from rightkey.sources.jobs import Job
    from rightkey.verifier.explaining import Explanation
    from rightkey.verifier.several import Resolver, Verifiers


class Verifier(Face):
    __doc__ = Face.__doc__

    @classmethod
    def of(cls, *trusts: Trust | Resolver, **settings: Any) -> Verifiers:
        """A verifier for several issuers: a token's `iss` chooses whose rules and keys count.

        Args:
            trusts: a `Trust` each; or one function that finds the Trust of an issuer, or
                None, for who has more of them than fit a list.
            settings: `freshness`, `remember` (tokens of all issuers together), `transport`, `clock`,
                `elapsed` and `listener`, as a verifier of one issuer has them. And for a function, `issuers`:
                how many are kept, 10,000; `trusted_for`: seconds for which an answer counts, 300.

        Raises:
            Misconfigured: no trusts, or two for one issuer.
        """
        from rightkey.verifier.several import Verifiers

        return Verifiers(cls, *trusts, **settings)

    @overload
    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified: ...

    @overload
    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Claims],
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Typed[Claims]: ...

    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Any] | None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified:
        """Verify a token: its kind, its claims, its key and its signature.

        Args:
            raw: the token, a JWS in compact form.
            require: what it must grant besides what the verifier requires.
            claims_type: what its claims are made: a dataclass, TypedDict, msgspec Struct, attrs class or
                Pydantic model, which is then `typed` of the result.
            nonce: what was sent for it; for ID tokens.
            access_token: what came with it and its `at_hash` must fit; for ID tokens.
            max_age: for how many seconds at most its subject may have been logged in (`auth_time`); for ID
                tokens.

        Raises:
            TokenRejected: 401; `code` says why.
            InsufficientScope: 403, `scope_insufficient`.
            IssuerUnavailable: 503, `keys_unavailable`: try again later, with the same token.
            TypeError: the token is neither str nor bytes.
        """
        if claims_type is not None:
            token = self.verify(raw, require=require, nonce=nonce, access_token=access_token, max_age=max_age)
            return Typed.of(token, claims_type)
        asked = asked_of(require, nonce, access_token, max_age)
        held = self._source.held()
        try:
            return attempt(self._trust, raw, held, self._clock(), asked, self._memory)
        except NeedsNewer as need:
            retry = self._retry(raw, asked, held, need, threads=True)
        for job in retry:
            self._wait(job, retry.patience)
        return retry.verified

    def explain(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Explanation:
        """Verify a token, and tell each step of the path. Raises nothing for a token or an issuer."""
        asked = asked_of(require, nonce, access_token, max_age)
        outcome: Verified | RightkeyError
        try:
            outcome = self.verify(
                raw, require=asked.require or (), nonce=nonce, access_token=access_token, max_age=max_age
            )
        except RightkeyError as error:
            outcome = error
        return self._explain(raw, outcome, asked)

    def prepare(self) -> None:
        """Have the keys fetched if there are none, before serving.

        Raises:
            IssuerUnavailable: `discovery_failed`, `keys_unavailable`: no answer.
            IssuerMisbehaved: `issuer_mismatch`, `metadata_invalid`, `keyset_invalid`: an answer that
                cannot be accepted.
        """
        for job in self._unheld():
            self._wait(job, self._source.wait)
        self._source.require_keys(fresh=False)

    def refresh(self) -> None:
        """Fetch the keys now, whatever backoff and budget say. Raises as `prepare`."""
        for job in self._refetched():
            self._wait(job, self._source.wait)
        self._source.require_keys(fresh=True)

    def _wait(self, job: Job, seconds: float) -> None:
        from rightkey.sources.jobs import wait

        wait(job, seconds)

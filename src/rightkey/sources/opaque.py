"""OpaqueVerification: one caller's way to the verdict on an opaque token, up to the issuer's answer about it.

Like `Retry`, whose place it takes: iterate it, wait for each job as your kind of verifier can, then take
`verified`. The metadata are waited for where they must say where to ask, and the keys where the answer is
signed: that is verified as a token is, by the same path and with the one retry.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rightkey.errors import IssuerFault, IssuerUnavailable, Misconfigured, RightkeyError, TokenRejected
from rightkey.introspection import verdict
from rightkey.introspection.answer import Unusable, failed, inactive, signed_document
from rightkey.introspection.memory import UNKNOWN
from rightkey.introspection.request import IntrospectionRequest
from rightkey.issuer.discovery import endpoint_of
from rightkey.issuer.name import url_fault
from rightkey.jose import strictjson
from rightkey.policy.introspection import Introspection
from rightkey.sources.elapsed import COUNT
from rightkey.sources.given import identity_in, kept_in
from rightkey.sources.introspector import PendingAnswer, introspector_of, require_secret
from rightkey.sources.remote import Remote
from rightkey.sources.retry import Retry
from rightkey.verdict.attempt import attempt
from rightkey.verdict.held import Held, NeedsNewer

if TYPE_CHECKING:
    from rightkey.policy.trust import Trust
    from rightkey.sources.jobs import Job
    from rightkey.sources.source import Means, Source
    from rightkey.verdict.attempt import Demands
    from rightkey.verdict.verified import Verified

PROFILES = ("access", "at+jwt", "any")
"""The kinds of token that an issuer can be asked about."""


class Opaque:
    """One issuer that is asked about opaque tokens, for one trust.

    Args:
        trust: whose tokens, and what they must be; it has `introspection`.
        source: of its keys, and of its metadata.
        means: what fetches.

    Raises:
        Misconfigured: the settings are none, there is no way to know where to ask, the transport cannot, or
            the file of the secret cannot be read now.
    """

    def __init__(self, trust: Trust, source: Source, means: Means) -> None:
        settings: Any = trust.introspection
        if not isinstance(settings, Introspection):
            hint = "rightkey.Introspection(client_id, secret)"
            raise Misconfigured("introspection must be an Introspection", hint=hint)
        if trust.profile not in PROFILES:
            raise Misconfigured(f"introspection is for access tokens: profile cannot be {trust.profile!r}")
        self.trust, self.source, self.wait = trust, source, means.freshness.wait
        self._remote = _with_metadata(source)
        _require_endpoint(settings, self._remote, means)
        require_secret(settings)
        identity = (identity_in(trust) or str(trust.issuer), trust.metadata_url)
        self.introspector = introspector_of(identity, str(trust.issuer), settings, means)
        self.of_answers = replace(
            trust,
            audience=settings.client_id,
            profile="any",
            require_exp=False,
            require=(),
            sender="bearer",
            introspection=None,
        )
        """What a signed answer must be (RFC 9701, section 5), but for its typ."""

    def place(self) -> Iterator[Job]:
        """Have the metadata read, where they must say where to ask: the jobs to wait for until they have."""
        remote = self._remote
        if remote is None or self._given is not None:
            return
        known = remote.metadata is not None
        if known and remote.held().keys is not None:
            return
        job = remote.obtain()  # where no JWT comes, nothing else would have the metadata read again
        if job is not None and not known:
            yield job

    @property
    def _given(self) -> str | None:
        return self.introspector.settings.endpoint

    def where(self) -> tuple[str, str]:
        """The endpoint, and the issuer by its own name. Raises IssuerUnavailable: it is not known."""
        remote = self._remote
        metadata = None if remote is None else remote.metadata
        name = str(self.trust.issuer) if metadata is None else metadata.issuer
        if self._given is not None:
            return self._given, name
        assert remote is not None  # noqa: S101 - it is required where no endpoint is given
        assert remote.place.issuer is not None  # noqa: S101 - likewise
        if metadata is None:
            failure = remote.located().failure
            after = failure.retry_after if isinstance(failure, IssuerUnavailable) else None
            told = "its metadata have not come" if failure is None else str(failure)
            raise failed(told, retry_after=after or 1.0) from _bare(failure)
        try:
            return endpoint_of(remote.place.issuer, metadata.document, "introspection_endpoint"), name
        except IssuerFault as error:
            raise failed(str(error), hint="Introspection(endpoint=...) names it", retry_after=60.0) from error


class OpaqueVerification:
    """One caller's verification of one opaque token.

    Args:
        opaque: the issuer.
        raw: the token.
        now: the Unix time in seconds.
        demands: what the call demands beyond the trust.
        threads: whether the caller blocks a thread while it waits.
    """

    verified: Verified

    def __init__(
        self, opaque: Opaque, raw: str | bytes, now: float, demands: Demands, *, threads: bool
    ) -> None:
        self._opaque, self._now, self._demands, self._threads = opaque, now, demands, threads
        self._raw = raw if isinstance(raw, str) else raw.decode("latin-1")
        self._until = time.monotonic() + opaque.wait

    @property
    def patience(self) -> float:
        """Seconds of real time that the caller may wait yet."""
        return max(0.0, self._until - time.monotonic())

    def __iter__(self) -> Iterator[Job]:
        """Each job to wait for. Raises what `verify` raises."""
        digest = hashlib.sha256(self._raw.encode("ascii")).digest()
        claims = self._opaque.introspector.recall(digest)
        if claims is UNKNOWN:
            claims = yield from self._asked(digest)
        if claims is None:
            raise inactive()
        opaque = self._opaque
        expected = opaque.source.held().expected
        self.verified = verdict.judge(opaque.trust, claims, expected, self._now, self._demands)

    def _asked(self, digest: bytes) -> Generator[Job, None, dict[str, Any] | None]:
        yield from self._opaque.place()
        introspector = self._opaque.introspector
        request = IntrospectionRequest(self._raw, digest, *self._opaque.where(), self._now)
        pending = introspector.ask(request)
        if pending.job is not None:
            yield pending.job
        if pending.failure is not None:
            raise _again(pending.failure)
        if pending.jws is not None:
            yield from self._read(pending.jws, request, pending)
        if not pending.settled:
            raise failed("no answer in time", retry_after=1.0)
        return None if pending.claims is None else strictjson.copied(pending.claims)

    def _read(self, jws: str, request: IntrospectionRequest, pending: PendingAnswer) -> Iterator[Job]:
        """Take in a signed answer, once its signature, `iss` and `aud` are known to be good."""
        opaque, introspector = self._opaque, self._opaque.introspector
        try:
            answer = yield from self._verified(jws)
            leeway = opaque.trust.leeway
            document = signed_document(answer._header, answer.claims, self._now, leeway)
            introspector.keep(request, pending, document)
        except IssuerUnavailable as error:
            raise failed(str(error), hint=error.hint, retry_after=error.retry_after) from error
        except TokenRejected as error:
            pauses = error.code != "token_malformed"  # which what it says of this token may be
            told = f"its signed answer is refused: {error}"
            unusable = Unusable("answer", told, hint=error.hint, pauses=pauses)
            raise introspector.unusable(unusable, pending) from error
        except Unusable as error:
            raise introspector.unusable(error, pending) from None

    def _verified(self, jws: str) -> Generator[Job, None, Verified]:
        """By the path of every token: its key, its signature, its `iss` and `aud`."""
        source, trust = self._opaque.source, self._opaque.of_answers

        def judge(held: Held, before: NeedsNewer | None) -> Verified | NeedsNewer:
            return attempt(trust, jws, held, self._now, before=before)

        moment, held = next(COUNT), source.held()
        outcome = judge(held, None)
        if isinstance(outcome, NeedsNewer):
            retry = Retry(source, judge, moment, held, outcome, threads=self._threads)
            yield from retry
            outcome = retry.verified
        return outcome


def _with_metadata(source: Source) -> Remote | None:
    """The source that reads the issuer's metadata, if any does."""
    remotes = [one for one in kept_in(source) if isinstance(one, Remote)]
    return next((one for one in remotes if one.place.issuer is not None), None)


def _require_endpoint(settings: Introspection, remote: Remote | None, means: Means) -> None:
    if settings.endpoint is None and remote is None:
        hint = "Introspection(..., endpoint='https://issuer.example/introspect')"
        raise Misconfigured(
            "introspection needs endpoint=: the issuer's metadata are not read here", hint=hint
        )
    if settings.endpoint is not None:
        fault = url_fault(settings.endpoint, means.plain_http)
        if fault:
            raise Misconfigured(f"endpoint cannot be asked: {fault}", hint="give the https URL")


def _again(failure: IssuerUnavailable) -> IssuerUnavailable:
    """Each caller that waited raises its own: one exception is not raised by several threads."""
    return IssuerUnavailable(failure.code, str(failure), hint=failure.hint, retry_after=failure.retry_after)


def _bare(failure: RightkeyError | None) -> RightkeyError | None:
    return None if failure is None else failure.with_traceback(None)

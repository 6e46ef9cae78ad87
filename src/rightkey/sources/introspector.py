"""Introspector: one issuer that is asked about opaque tokens, with what it has answered.

A token is asked about once, however many threads and tasks wait; none of them cancels it. At most `at_once`
requests run, of which tokens that were not active before get half: garbage cannot stand before a token that
the issuer has called active. Of those others `rate` a second are asked about, as many may come at once, and
`MAX_WAITING` may stand in line; the rest is told to come back (503), since nothing is known of it.

After a failure the issuer is left alone for a pause, as for its keys. The pause of tokens that were active
before is their own: a server that fails over one stranger's text is no outage for the others.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

from rightkey.errors import IssuerUnavailable, Misconfigured
from rightkey.events import IntrospectionFailed
from rightkey.exchange import ExchangeFailed, Posting, Request
from rightkey.freshness.budget import Backoff, Draws, draw
from rightkey.freshness.documents import proper
from rightkey.introspection.answer import Unusable, active, failed, life_of, read
from rightkey.introspection.memory import Answers, Unknown
from rightkey.introspection.request import IntrospectionRequest, request_of
from rightkey.policy.introspection import Introspection, octets_of, signer_of
from rightkey.sources.announcer import Announcer
from rightkey.sources.elapsed import COUNT
from rightkey.sources.guard import GUARD
from rightkey.sources.jobs import Job, Jobs, Past
from rightkey.sources.registry import Shelf
from rightkey.sources.source import Means

MAX_WAITING = 64
"""Opaque tokens that may stand in line to be asked about at one issuer."""
MAX_INTROSPECTORS = 256
"""Issuers whose answers about opaque tokens are kept though no verifier uses them."""
_HUNG = "no thread could be started, or too many hang"


class Rate(NamedTuple):
    """So many requests at once, and one more every so many seconds."""

    draws: int
    draw_every: float


@dataclass(eq=False, slots=True, repr=False)
class PendingAnswer:
    """One request about one token, shared by all callers that wait for it."""

    digest: bytes
    """SHA-256 of the token."""
    known: bool
    """Whether the token was active before."""
    moment: int
    """When, by COUNT."""
    job: Job | None = None
    settled: bool = False
    """Whether `claims` say what the answer was."""
    claims: dict[str, Any] | None = None
    jws: str | None = None
    """A signed answer, which each caller verifies."""
    began: float = 0.0
    size: int = 0
    failure: IssuerUnavailable | None = None


class Introspector:
    """Shared by every verifier of the process that asks the same issuer in the same way.

    Args:
        issuer: what messages and events call it.
        settings: how it is asked.
        means: what sends requests, and the clock of elapsed seconds.

    Raises:
        Misconfigured: the transport cannot send a body.
    """

    def __init__(self, issuer: str, settings: Introspection, means: Means) -> None:
        transport = means.transport
        if not isinstance(transport, Posting):
            hint = "give it a method post(request) -> Response"
            raise Misconfigured("introspection needs a transport that sends a body", hint=hint)
        self.issuer, self.settings, self.announcer = issuer, settings, Announcer()
        self._transport, self._means = transport, means
        self._rate = Rate(max(1, int(settings.rate)), 1.0 / settings.rate)
        self._answers = Answers()
        self._begin()

    def _begin(self) -> None:
        self._jobs, self._pending, self._draws = Jobs(), dict[bytes, PendingAnswer](), Draws()
        self._backoffs = {known: Backoff() for known in (True, False)}
        self._counted = {True: 0, False: 0}
        """When a failure was counted last, by COUNT: those that were asked before it tell nothing new."""

    def recall(self, digest: bytes) -> Any:
        """The claims of a token that was active, None of one that was not, or UNKNOWN."""
        with GUARD:
            return self._answers.recall(digest, self._means.elapsed())

    def ask(self, request: IntrospectionRequest) -> PendingAnswer:
        """The request about a token: the one that runs, or a new one; or none, where the answer has come
        since `recall` was asked.

        Raises:
            IssuerUnavailable: `introspection_failed`: the issuer must not be asked now.
        """
        try:
            with GUARD:
                claims = self._answers.recall(request.digest, self._means.elapsed())
                if not isinstance(claims, Unknown):
                    return PendingAnswer(request.digest, known=True, moment=0, settled=True, claims=claims)
                pending = self._pending.get(request.digest)
                if pending is None or self._jobs.find(request.digest) is None:
                    pending = self._start(request)
        finally:
            self._jobs.launch()
            self.announcer.tell()
        return pending

    def keep(self, request: IntrospectionRequest, pending: PendingAnswer, document: dict[str, Any]) -> None:
        """Take in what an answer says of a token.

        Raises:
            Unusable: it does not say whether the token is active.
        """
        claims, settings = active(document), self.settings
        least = settings.refused
        life = least if claims is None else life_of(claims, request.now, settings.life, least)
        with GUARD:
            self._answers.keep(request.digest, claims, pending.began + life, pending.size)
            pending.settled, pending.claims = True, claims

    def unusable(self, error: Unusable, pending: PendingAnswer) -> IssuerUnavailable:
        """The error of a signed answer that a caller could not use; it counts as a failure."""
        with GUARD:
            failure = self._failed(error, pending)
        self.announcer.tell()
        return failure

    # -- inside, with GUARD held

    def _start(self, request: IntrospectionRequest) -> PendingAnswer:
        pending = PendingAnswer(request.digest, self._answers.was_active(request.digest), next(COUNT))
        self._require_may_ask(pending)

        def over(error: Unusable) -> None:
            pending.failure = self._failed(error, pending)
            self._leave(pending)

        wait = self._means.freshness.wait
        pending.job = self._jobs.start(
            request.digest,
            wait,
            lambda job: self._work(job, request, pending),
            on_given_up=lambda: over(Unusable("timeout", f"no answer within {wait:.3g} s")),
            on_refused=lambda: over(Unusable("thread", _HUNG, pauses=False)),
            on_end=self.announcer.tell,
            most=self.settings.at_once,
            past=Past(answered=pending.known),
        )
        if pending.job is None:
            raise failed(_HUNG, retry_after=1.0)
        self._pending[pending.digest] = pending
        return pending

    def _require_may_ask(self, pending: PendingAnswer) -> None:
        """Raises IssuerUnavailable."""
        elapsed = self._means.elapsed()
        pause = self._backoffs[pending.known].left(elapsed)
        if pause:
            raise failed("it has just failed to answer", retry_after=max(1.0, pause))
        pause = self._answers.pause_left(pending.digest, elapsed)
        if pause:
            raise failed("its last answer about this token could not be used", retry_after=max(1.0, pause))
        if pending.known:
            return
        if self._jobs.counts()["waiting"] >= MAX_WAITING:
            raise failed("too many other tokens wait for its answer", retry_after=1.0)
        if not draw([self._draws], elapsed, self._rate, may_take_last=True):
            wait = max(1.0, self._draws.left(elapsed, self._rate))
            raise failed("too many tokens came that were never active before", retry_after=wait)

    def _failed(self, error: Unusable, pending: PendingAnswer) -> IssuerUnavailable:
        backoff, now = self._backoffs[pending.known], self._means.elapsed()
        if error.pauses and pending.moment >= self._counted[pending.known]:
            self._counted[pending.known] = next(COUNT)
            backoff.failed(now, random.random(), error.retry_after)  # noqa: S311 - spreads load
        pause = max(1.0, backoff.left(now))
        if not error.pauses and error.reason != "thread":  # no fault of ours, and none of other tokens
            self._answers.pause(pending.digest, now + pause)
        self.announcer.note([IntrospectionFailed(self.issuer, error.reason, str(error), pause)])
        return failed(str(error), hint=error.hint, retry_after=pause)

    def _leave(self, pending: PendingAnswer) -> None:
        if self._pending.get(pending.digest) is pending:
            del self._pending[pending.digest]

    # -- inside, on a thread of its own

    def _work(self, job: Job, request: IntrospectionRequest, pending: PendingAnswer) -> None:
        pending.began = self._means.elapsed()
        try:
            response = proper(self._transport.post(self._request(request)))
            answer, error = read(response, signed=self.settings.signed), None
            pending.size = len(response.body)
            if isinstance(answer, dict):
                active(answer)  # whether it is one
        except Exception as raised:  # noqa: BLE001 - whatever a transport raises is a failed request
            answer, error = None, _as_unusable(raised)
        with GUARD:
            if not self._jobs.claim(job):
                return
            if error is not None:
                pending.failure = self._failed(error, pending)
            else:
                job.answered = True
                self._backoffs[pending.known].succeeded()
            if isinstance(answer, dict):
                self.keep(request, pending, answer)
            else:
                pending.jws = answer
            self._leave(pending)

    def _request(self, request: IntrospectionRequest) -> Request:
        """Raises Unusable: our own secret cannot be read, or used."""
        times, settings = self._means.freshness, self.settings
        jti = secrets.token_urlsafe(16)
        try:
            secret = _secret(settings)
            return request_of(settings, secret, request, jti, times.connect_timeout, times.timeout)
        except (OSError, ValueError) as error:  # whose text may quote what is in the file
            why = f"our own secret cannot be used ({type(error).__name__})"
            raise Unusable("credentials", why, hint="secret= must be what the issuer gave") from None

    def forked(self) -> None:
        """Forget what runs, in a child: none of the parent's threads is there."""
        self._begin()


def _secret(settings: Introspection) -> bytes:
    secret = settings.secret
    if not isinstance(secret, str | bytes):
        with open(secret, "rb") as file:
            secret = file.read(64 * 1024)
    octets = octets_of(secret)
    if not octets:
        raise ValueError("it is empty")
    return octets


def require_secret(settings: Introspection) -> None:
    """Raises Misconfigured: a file that is missing at the start is told at the start."""
    octets, why = None, "it is empty"
    try:
        octets = _secret(settings)
    except (OSError, ValueError) as error:  # which quotes the name, in whose place a secret may be given
        why = getattr(error, "strerror", None) or why
    if octets is None:
        raise Misconfigured(f"secret cannot be read from its file: {why}")
    if settings.auth_method == "private_key_jwt":
        signer_of(settings, octets)


def _as_unusable(error: Exception) -> Unusable:
    """A failed exchange as it tells itself; another exception by its class: it may quote the request."""
    if isinstance(error, Unusable):
        return error
    if isinstance(error, ExchangeFailed):
        pauses = error.reason != "too_large"  # a token may have many claims, and others do not
        return Unusable(error.reason, str(error), pauses=pauses, retry_after=error.retry_after)
    return Unusable("transport", f"the transport raised {type(error).__name__}")


_SHELF: Shelf[Introspector] = Shelf(MAX_INTROSPECTORS, lambda one: True)


def introspector_of(identity: Hashable, issuer: str, settings: Introspection, means: Means) -> Introspector:
    """The one that is shared by all who ask this issuer by the same settings. Raises Misconfigured."""
    key = (identity, settings, means.transport, means.freshness, means.elapsed)
    try:
        hash(key)
    except TypeError:  # a transport or clock of the user's own: nothing is shared
        return Introspector(issuer, settings, means)
    with GUARD:
        return _SHELF.get(key, lambda: Introspector(issuer, settings, means))


def _after_fork() -> None:  # pragma: no cover - runs in a forked child, where nothing measures
    for one in _SHELF.in_use():
        one.forked()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_after_fork)

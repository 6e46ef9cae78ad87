"""One refresh, top to bottom: the metadata if it is due, then the keys, through a transport.

Plain sequential code, which decides nothing about when. What it found of the metadata is kept even
where the keys then failed. Documents come from a transport, or from a store in front of one (`Documents`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rightkey.errors import IssuerFault, IssuerMisbehaved, IssuerUnavailable, without_query
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.freshness.documents import Document, Documents, FleetBudgetSpent, Terms
from rightkey.freshness.settings import Freshness
from rightkey.issuer.discovery import Metadata, is_elsewhere, metadata_requests, read_metadata
from rightkey.issuer.jwks import MOVED, jwks_request, read_jwks
from rightkey.issuer.name import Issuer
from rightkey.jose.keyset import KeySet

Elapsed: TypeAlias = Callable[[], float]
SHARED = "shared"
"""What stands for a status where a store had the answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys are found: by an issuer's metadata, or at a URL that was given."""

    name: str
    """What messages and events call it."""
    issuer: Issuer | None
    url: str | None = field(default=None, repr=False)
    kid: str | None = None
    """The key id of what is found there, where it is not said."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one refresh starts from."""

    metadata: Metadata | None
    """What is held, unless it is due."""
    fallback: Metadata | None
    """What serves if it cannot be fetched again."""
    url: str | None = field(default=None, repr=False)
    """Where the keys held came from, for whose answer `etag` and `modified` stand."""
    etag: str | None = None
    modified: str | None = None
    forced: bool = False
    every: float = 10.0
    """Seconds from one draw of the budget to the next, for a fleet that shares one."""
    least: float = 1.0
    """How many draws the fleet must have for this refresh to take one."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of it. `keys` is None where they are unchanged (304), and where there is a failure."""

    began: float
    """When the request for the keys began, or the refresh, where it never came to that."""
    moment: int = 0
    """The same as a count, which no two readings share: what is greater came later."""
    metadata: Metadata | None = None
    metadata_began: float | None = None
    keys: KeySet | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    failure: IssuerFault | None = None
    url: str | None = field(default=None, repr=False)
    """Where the keys were asked for last."""
    requests: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Each URL asked and what came of it: a status, `shared`, or a word of `ExchangeFailed`."""
    seconds: float = 0.0
    """What all of it took."""
    shared: bool = False
    """Whether the keys are from a store, so that the issuer was not asked."""
    spent_for: float | None = None
    """Seconds until the fleet has a draw again, where it had none and nothing was asked."""

    def unless_older(self, before: KeySet) -> Refreshed:
        """The same; but a failure where the keys are older than these by their own number."""
        try:
            if self.keys is not None:
                self.keys.require_no_older_than(before)
        except IssuerMisbehaved as failure:
            return replace(self, keys=None, failure=failure)
        return self

    @property
    def status(self) -> str:
        """What came of the last request; empty where none was made, or none came back."""
        return self.requests[-1][1] if self.requests else ""

    @property
    def reason(self) -> str:
        """Why it failed, in one word for metrics; empty where it did not."""
        if self.failure is None:
            return ""
        if not self.status.isdigit():
            return self.status or "timeout"
        return self.failure.code if self.status in ("200", "304") else f"http_{self.status}"


class Refresh:
    """One run. Used once, by one thread. `reading(n)` is held while keys are made of a document of n octets
    (`rightkey.sources.guard`)."""

    def __init__(
        self,
        place: Place,
        documents: Documents,
        freshness: Freshness,
        elapsed: Elapsed,
        count: Callable[[], int],
        reading: Callable[[int], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._place = place
        self._reading = reading
        self._documents = documents
        self._freshness = freshness
        self._elapsed = elapsed
        self._count = count
        self._deadline = elapsed() + freshness.wait
        self._requests: list[tuple[str, str]] = []
        self._metadata: Metadata | None = None
        self._metadata_began: float | None = None
        self._began, self._moment = elapsed(), count()
        self._started = self._began
        self._discovered = False
        self._url: str | None = None
        self._shared = False

    def run(self, plan: Plan) -> Refreshed:
        """Do it. Never raises for what an issuer or a network does."""
        try:
            keys, response = self._keys(plan)
        except IssuerFault as failure:
            return self._result(failure=failure)
        except FleetBudgetSpent as spent:
            return self._result(spent_for=spent.seconds)
        except Exception as error:  # noqa: BLE001 - without a failure there is no backoff
            unforeseen = IssuerUnavailable("keys_unavailable", f"the refresh raised {type(error).__name__}")
            unforeseen.__cause__ = error
            return self._result(failure=unforeseen)
        return self._result(keys=keys, headers=response.headers)

    def _keys(self, plan: Plan) -> tuple[KeySet | None, Response]:
        url = self._place.url or (plan.metadata or self._discover(plan.fallback)).jwks_uri
        try:
            response = self._ask_for_keys(url, plan)
            moved = response.status in MOVED
        except IssuerUnavailable as failure:
            if not self._may_have_moved(failure):
                raise
            moved, response = True, None
        if moved and self._place.issuer is not None and not self._discovered:
            # The address may be out of date: what the issuer says of itself decides, and only if it differs.
            found = self._discover(plan.fallback).jwks_uri
            if found != url or response is None:
                response = self._ask_for_keys(found, plan)
        assert response is not None  # noqa: S101 - either it was answered, or asked again above
        if response.status == 304 and plan.url == self._url:
            return None, response
        with self._reading(len(response.body)):
            keys = read_jwks(response, self._place.kid)
        if not keys:
            raise NoSigningKey(keys)
        self._documents.accept(self._url or url)
        return keys, response

    def _may_have_moved(self, failure: IssuerUnavailable) -> bool:
        gone = isinstance(failure.__cause__, ExchangeFailed) and failure.__cause__.reason == "dns"
        return gone and self._place.issuer is not None and not self._discovered

    def _ask_for_keys(self, url: str, plan: Plan) -> Response:
        self._began, self._moment, self._url = self._elapsed(), self._count(), url
        etag, modified = (plan.etag, plan.modified) if url == plan.url else (None, None)
        request = jwks_request(url, etag=etag, modified=modified, forced=plan.forced)
        oldest = self._freshness.max_life + self._freshness.stale_if_error
        terms = Terms(0.0, oldest, plan.forced, self._freshness.draws, plan.every, plan.least)
        document = self._get(request, "keys_unavailable", "keys", terms)
        self._began -= document.age
        self._shared = document.moment is not None
        self._moment = self._moment if document.moment is None else document.moment
        return document.response

    def _discover(self, fallback: Metadata | None) -> Metadata:
        began, self._discovered = self._elapsed(), True
        try:
            self._metadata, age = self._ask_for_metadata()
        except IssuerFault:
            if fallback is None:
                raise
            return fallback
        self._metadata_began = began - age
        return self._metadata

    def _ask_for_metadata(self) -> tuple[Metadata, float]:
        """The metadata, and how old they are."""
        issuer = self._place.issuer
        assert issuer is not None  # noqa: S101 - a place without one has a URL, and asks for no metadata
        answers: list[Response] = []
        terms = Terms(0.0, self._freshness.metadata_life + self._freshness.metadata_stale)
        for request in metadata_requests(issuer):
            document = self._get(request, "discovery_failed", "metadata", terms)
            answers.append(document.response)
            if not is_elsewhere(answers[-1].status):
                break
        metadata = read_metadata(issuer, *answers)
        self._documents.accept(request.url)
        return metadata, document.age

    def _get(self, request: Request, code: str, what: str, terms: Terms) -> Document:
        """Ask, within the time left. Whatever a transport raises is a failed fetch."""
        left = self._deadline - self._elapsed()
        if left <= 0:  # what was asked before has hung, and this refresh was given up: it must not ask again
            raise IssuerUnavailable(code, f"the issuer's {what} could not be fetched: no time is left")
        settings = self._freshness
        bounded = replace(
            request,
            connect_timeout=settings.connect_timeout,
            timeout=min(settings.timeout, left),
            max_body=settings.max_body,
        )
        try:
            document = self._documents.get(bounded, terms._replace(left=left))
        except FleetBudgetSpent:
            raise
        except BaseException as error:  # on a thread of its own: a cancellation in there is not ours
            word = str(error.reason) if isinstance(error, ExchangeFailed) else type(error).__name__
            self._requests.append((without_query(request.url), word))
            why = str(error) if isinstance(error, ExchangeFailed) else f"the transport raised {word}"
            pause = error.retry_after if isinstance(error, ExchangeFailed) else None
            message = f"the issuer's {what} could not be fetched: {why}"
            raise IssuerUnavailable(code, message, retry_after=pause) from error
        came = str(document.response.status) if document.moment is None else SHARED
        self._requests.append((without_query(request.url), came))
        return document

    def _result(
        self,
        keys: KeySet | None = None,
        headers: Mapping[str, str] | None = None,
        failure: IssuerFault | None = None,
        spent_for: float | None = None,
    ) -> Refreshed:
        self._documents.end(failure)
        return Refreshed(
            began=self._began,
            moment=self._moment,
            metadata=self._metadata,
            metadata_began=self._metadata_began,
            keys=keys,
            headers=headers or {},
            failure=failure,
            url=self._url,
            requests=tuple(self._requests),
            seconds=self._elapsed() - self._started,
            shared=self._shared,
            spent_for=spent_for,
        )


class NoSigningKey(IssuerMisbehaved):
    """A set in which nothing can verify a token. What was skipped of it still counts: a leak is a leak."""

    def __init__(self, keys: KeySet) -> None:
        skipped = ", ".join(sorted({one.reason for one in keys.skipped})) or "it is empty"
        hint = "set the API at the issuer to RS256 or ES256" if skipped == "symmetric" else None
        super().__init__("keyset_invalid", f"the issuer's key set holds no signing key: {skipped}", hint=hint)
        self.keys = keys

    def __reduce__(self) -> tuple[type[NoSigningKey], tuple[KeySet]]:
        return NoSigningKey, (self.keys,)

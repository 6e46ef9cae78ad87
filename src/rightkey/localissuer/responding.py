"""What an issuer answers to a request: the endpoint, its honest answer, and what faults make of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rightkey.localissuer.answers import Answer, Request, document_answer, oauth_error, revalidated
from rightkey.localissuer.documents.frames import frame
from rightkey.localissuer.documents.wellknown import FRAMED, GRANTED, key_set, metadata
from rightkey.localissuer.front import front
from rightkey.localissuer.keys import selfsigned
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.localissuer.management import managed, manages
from rightkey.localissuer.misbehaving.ratelimit import Bucket, RateLimit
from rightkey.localissuer.origins import shared, unwelcome

if TYPE_CHECKING:
    from rightkey.localissuer.grants.grants import Grants
    from rightkey.localissuer.issuer import Issuer
    from rightkey.localissuer.misbehaving.faults import Fault

_NO_AUTHLIB = "OAuth's grants need Authlib: pip install 'rightkey[issuer]'"


class Responder:
    """Answers for one issuer. Sending an answer is up to the caller."""

    def __init__(self, issuer: Issuer, limit: RateLimit | None) -> None:
        self._issuer = issuer
        self._path = issuer.address.path
        self._bucket = Bucket(limit, issuer.clock) if limit else None

    def knows(self, path: str) -> bool:
        """Whether this issuer serves a path."""
        return path in self._issuer.routes or manages(self._path, path) or path in self._issuer.fronts

    def respond(self, request: Request) -> Answer:
        """The answer to a request, faults included."""
        if manages(self._path, request.path):
            return managed(self._issuer, self._path, request)
        if request.path in self._issuer.fronts:
            return front(self._issuer, request)
        endpoint = self._issuer.routes.get(request.path, "other")
        self._issuer.requests.note(endpoint, request)
        if self._bucket is None:
            return self._spoilt(endpoint, request)
        drawn = self._bucket.draw()
        answer = self._spoilt(endpoint, request) if drawn.passes else oauth_error(429, "too_many_requests")
        return replace(answer, headers=dict(answer.headers) | drawn.headers)

    def _spoilt(self, endpoint: str, request: Request) -> Answer:
        planned = self._issuer.script.take(endpoint)
        honest = Answer(200) if planned.instead else self._honest(endpoint, request, planned)
        answer = planned.dress(shared(self._issuer, endpoint, request, honest))
        delivery = replace(planned.delivery, delay=planned.delivery.delay + self._issuer.delay)
        return replace(answer, delivery=delivery)

    def _honest(self, endpoint: str, request: Request, planned: Fault) -> Answer:
        if endpoint == "other":
            return oauth_error(404, "not_found")
        if refusal := unwelcome(self._issuer, endpoint, request):
            return refusal
        if request.method == "OPTIONS":
            return Answer(204)
        if endpoint in GRANTED:
            return self._granted(endpoint, request)
        if request.method not in ("GET", "HEAD"):
            return oauth_error(405, "method_not_allowed", {"allow": "GET, HEAD"})
        if endpoint in FRAMED:
            return frame(endpoint)
        issuer = self._issuer
        if endpoint == "attacker-certificate":
            pem = selfsigned.pem(issuer.ring.stranger().certificate or b"")
            return Answer(200, {"content-type": "application/pem-certificate-chain"}, pem)
        if endpoint == "attacker-jwks":
            return document_answer(key_set([issuer.ring.stranger()]), None)
        document = self._metadata() if endpoint == "discovery" else self._key_set()
        answer = document_answer(planned.rewrite(document, issuer.means()), issuer.cache_control)
        return revalidated(answer, request) if issuer.etag else answer

    def _granted(self, endpoint: str, request: Request) -> Answer:
        try:
            grants = self._grants
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "authlib":
                raise
            return oauth_error(501, "not_installed", why=_NO_AUTHLIB)
        return grants.answer(endpoint, request)

    @cached_property
    def _grants(self) -> Grants:
        from rightkey.localissuer.grants.grants import Grants

        return Grants(self._issuer)

    def _metadata(self) -> dict[str, Any]:
        issuer = self._issuer
        return metadata(issuer.address, [issuer.algorithm], issuer.dress)

    def _key_set(self) -> dict[str, Any]:
        issuer = self._issuer
        document = key_set(issuer.keys, {"issuer": issuer.url} if issuer.dress.key_issuer else None)
        if issuer.dress.encryption:  # first, as Keycloak has it: taking the first key is wrong
            document["keys"].insert(0, self._encryption)
        return document

    @cached_property
    def _encryption(self) -> dict[str, Any]:
        key = SigningKey.generate("RS256", self._issuer.dress.form, now=self._issuer.clock())
        return key.public_jwk() | {"use": "enc", "alg": "RSA-OAEP"}

"""What an issuer answers to a request: where it leads, what is honest, and what faults make of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rightkey.localissuer import selfsigned
from rightkey.localissuer.answers import Answer, Asked, document_answer, refused, revalidated, shared
from rightkey.localissuer.management import managed, manages
from rightkey.localissuer.ratelimit import Bucket, RateLimit
from rightkey.localissuer.signing import SigningKey
from rightkey.localissuer.wellknown import GRANTED, key_set, metadata

if TYPE_CHECKING:
    from rightkey.localissuer.faults import Fault
    from rightkey.localissuer.grants import Grants
    from rightkey.localissuer.issuing import LocalIssuer


class Responder:
    """Answers for one issuer. How an answer travels is up to whoever sends it."""

    def __init__(self, issuer: LocalIssuer, rfc8414: bool, limit: RateLimit | None) -> None:
        self._issuer = issuer
        self._path = issuer.address.path
        self.routes = issuer.address.routes(rfc8414, issuer.dress)
        self._bucket = Bucket(limit, issuer.clock) if limit else None

    def knows(self, path: str) -> bool:
        """Whether something of this issuer lies at a path."""
        return path in self.routes or manages(self._path, path)

    def respond(self, asked: Asked) -> Answer:
        """What this request is answered, faults and all."""
        if manages(self._path, asked.path):
            return managed(self._issuer, self._path, asked)
        endpoint = self.routes.get(asked.path, "other")
        self._issuer.requests.note(endpoint, asked)
        if self._bucket is None:
            return self._spoilt(endpoint, asked)
        drawn = self._bucket.draw()
        answer = self._spoilt(endpoint, asked) if drawn.passes else refused(429, "too_many_requests")
        return replace(answer, headers=dict(answer.headers) | drawn.headers)

    def _spoilt(self, endpoint: str, asked: Asked) -> Answer:
        planned = self._issuer.script.take(endpoint)
        honest = Answer(200) if planned.instead else self._honest(endpoint, asked, planned)
        answer = planned.dress(honest if endpoint == "other" else shared(honest, asked))
        delivery = replace(planned.delivery, delay=planned.delivery.delay + self._issuer.delay)
        return replace(answer, delivery=delivery)

    def _honest(self, endpoint: str, asked: Asked, planned: Fault) -> Answer:
        if endpoint == "other":
            return refused(404, "not_found")
        if asked.method == "OPTIONS":
            return Answer(204)
        if endpoint in GRANTED:
            return self._granted(endpoint, asked)
        if asked.method not in ("GET", "HEAD"):
            return refused(405, "method_not_allowed", {"allow": "GET, HEAD"})
        issuer = self._issuer
        if endpoint == "attacker-certificate":
            pem = selfsigned.pem(issuer.ring.stranger().certificate or b"")
            return Answer(200, {"content-type": "application/pem-certificate-chain"}, pem)
        if endpoint == "attacker-jwks":
            return document_answer(key_set([issuer.ring.stranger()]), None)
        document = self._metadata() if endpoint == "discovery" else self._key_set()
        answer = document_answer(planned.rewrite(document, issuer.scene()), issuer.cache_control)
        return revalidated(answer, asked) if issuer.etag else answer

    def _granted(self, endpoint: str, asked: Asked) -> Answer:
        try:
            grants = self._grants
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "authlib":
                raise
            return refused(501, "not_installed", why="pip install 'rightkey[issuer]' brings Authlib for this")
        return grants.answer(endpoint, asked)

    @cached_property
    def _grants(self) -> Grants:
        from rightkey.localissuer.grants import Grants

        return Grants(self._issuer)

    def _metadata(self) -> dict[str, Any]:
        issuer = self._issuer
        return metadata(issuer.address, [issuer.algorithm], issuer.dress)

    def _key_set(self) -> dict[str, Any]:
        issuer = self._issuer
        document = key_set(issuer.keys, {"issuer": issuer.url} if issuer.dress.key_issuer else None)
        if issuer.dress.encryption:  # first, as Keycloak has it: who takes the first key takes the wrong one
            document["keys"].insert(0, self._encryption)
        return document

    @cached_property
    def _encryption(self) -> dict[str, Any]:
        key = SigningKey.generate("RS256", self._issuer.dress.form, now=self._issuer.clock())
        return key.public_jwk() | {"use": "enc", "alg": "RSA-OAEP"}

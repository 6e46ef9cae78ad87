"""Mirror: the key set of each issuer from what is held, for verifiers that do not refetch by themselves.

`Age` is since the issuer was asked, and `max-age` ends a minute from now, or with the keys' life if that is
sooner. Left out is what is refused here: leaked keys, distrusted ones, and those that verify nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Mapping

from rightkey.errors import IssuerFault
from rightkey.gateway.decision import Answer, Question, answered
from rightkey.gateway.eager import begun
from rightkey.integrations.bearer import BEARER
from rightkey.sources.waiting import wait_async
from rightkey.verifier.one import TrustedIssuer

WELL_KNOWN = "/.well-known/jwks.json"
MAX_AGE = 60
"""Seconds after which a verifier should look again, at most."""


class Mirror:
    """Key sets by path: `/NAME/.well-known/jwks.json`; that of an only issuer also without its name.

    Args:
        issuers: each by its name.
    """

    def __init__(self, issuers: Mapping[str, TrustedIssuer]) -> None:
        self._issuers = issuers
        self._by_path = {f"/{name}{WELL_KNOWN}": one for name, one in issuers.items()}
        if len(issuers) == 1:
            self._by_path[WELL_KNOWN] = next(iter(issuers.values()))

    def __call__(self, question: Question) -> Answer | Awaitable[Answer] | None:
        """The key set that is asked for; None where the path is that of none."""
        one = self._by_path.get(question.target)
        if one is None:
            return None
        return begun(_served(one, question.fields.get("if-none-match", [])))

    def keep_fresh(self) -> int:
        """Have keys fetched ahead, also without requests. Returns how many issuers have none to use."""
        return sum(one.source.held().keys is None for one in self._issuers.values())

    async def prepare(self) -> None:
        """Wait for one attempt to have keys, of each issuer that has none."""
        jobs = [job for one in self._issuers.values() for job in one.unheld()]
        for job in jobs:
            await wait_async(job, job.seconds)


async def _served(one: TrustedIssuer, known: list[str]) -> Answer:
    for job in one.unheld():
        await wait_async(job, job.seconds)
    keys = one.source.held(waited=True).keys
    if keys is None:
        return _unavailable(one)
    status = one.source.status()
    age, left = status.age or 0.0, MAX_AGE if status.fresh_for is None else status.fresh_for
    body = json.dumps({"keys": [key.jwk for key in keys]}).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    fields = (
        ("Age", str(math.ceil(age))),
        ("Cache-Control", f"public, max-age={math.ceil(age) + min(MAX_AGE, int(left))}"),
        ("ETag", tag),
    )
    if any(tag in value or value.strip() == "*" for value in known):  # RFC 9110, section 13.1.2
        return answered(304, "ok", fields)
    return answered(200, "ok", (*fields, ("Content-Type", "application/json")), body)


def _unavailable(one: TrustedIssuer) -> Answer:
    try:
        one.require_keys(fresh=True)
    except IssuerFault as error:
        refusal = BEARER.refusal(error)
    else:  # pragma: no cover - they came in between
        refusal = BEARER.refusal(IssuerFault("keys_unavailable", ""))
    fields = (("Cache-Control", "no-store"), ("Content-Type", "application/json"), *refusal.headers.items())
    return answered(refusal.status, "keys_unavailable", fields, refusal.content)

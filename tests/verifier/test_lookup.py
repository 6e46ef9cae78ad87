"""Keys by their key id, without a token: within the budget, and waited for on a thread or in a task."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from rightkey.errors import IssuerUnavailable, TokenRejected
from rightkey.exchange import Request, Response
from rightkey.jose.keyset import KeySet
from rightkey.verifier.lookup import Lookup, awaited, waited
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier

MISSING = TokenRejected("key_not_found", "there is no such key")


class Endpoint:
    def __init__(self, key: Any) -> None:
        self.keys, self.status, self.asked = [key.public_jwk()], 200, 0

    def get(self, request: Request, /) -> Response:
        self.asked += 1
        return Response(self.status, {}, json.dumps({"keys": self.keys}).encode())


@pytest.fixture
def endpoint(signer: Callable[..., Any]) -> Endpoint:
    return Endpoint(signer("ES256", "one"))


def first(keys: KeySet, kid: str = "one") -> Any:
    return next((key for key in keys if key.kid == kid), None)


def still() -> float:
    """A clock by which the budget never refills."""
    return 0.0


def lookup(kind: type[Verifier | AsyncVerifier], endpoint: Endpoint, given: Any = None) -> Lookup:
    settings: dict[str, Any] = {} if given is not None else {"transport": endpoint, "elapsed": still}
    verifier = kind(
        "https://issuer.example", audience="a", keys=given or "https://issuer.example/keys", **settings
    )
    return Lookup(verifier._issuer, threads=kind is Verifier)


def test_keys_are_fetched_once_and_found(endpoint: Endpoint) -> None:
    """On a thread and in a task alike."""
    looking = lookup(Verifier, endpoint)
    key = waited(looking.key("one", first, MISSING))
    assert waited(looking.keys()).keys == (key,)
    assert endpoint.asked == 1
    assert waited(looking.refetched()).keys == (key,)
    assert endpoint.asked == 2
    in_tasks = lookup(AsyncVerifier, endpoint)
    assert asyncio.run(awaited(in_tasks.key("one", first, MISSING))) == key


def test_one_that_is_not_there_is_asked_for_within_the_budget(endpoint: Endpoint) -> None:
    """Twice at once; an outage is told as that."""
    looking = lookup(Verifier, endpoint)
    waited(looking.keys())
    for number in range(5):
        with pytest.raises(TokenRejected, match="no such key"):
            waited(looking.key(f"made-up-{number}", lambda keys: None, MISSING))
    assert endpoint.asked == 3
    endpoint.status = 503
    with pytest.raises(IssuerUnavailable):
        waited(looking.refetched())
    with pytest.raises(IssuerUnavailable):
        waited(looking.key("late", lambda keys: None, MISSING))
    assert waited(looking.key("one", first, MISSING)).kid == "one"


def test_keys_that_were_handed_over_are_looked_up_too(endpoint: Endpoint) -> None:
    """There are no newer ones to ask for."""
    looking = lookup(Verifier, endpoint, KeySet.parse({"keys": endpoint.keys}))
    assert waited(looking.key("one", first, MISSING)).kid == "one"
    with pytest.raises(TokenRejected, match="no such key"):
        waited(looking.key("two", lambda keys: None, MISSING))
    assert endpoint.asked == 0

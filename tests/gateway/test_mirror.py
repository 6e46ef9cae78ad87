"""Key sets for other verifiers: what is held, how old it is, and nothing that is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.gateway.conftest import fields_of

from rightkey import ANY, KeySet
from rightkey.freshness.settings import Freshness
from rightkey.gateway.decision import Answer, Question
from rightkey.gateway.mirror import Mirror
from rightkey.localissuer import LocalIssuer
from rightkey.policy.trust import Trust
from rightkey.verifier.one import Surroundings, TrustedIssuer
from rightkey.verifier.single import memory_of


class Clock:
    """Seconds that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def one(clock: Clock) -> Iterator[Callable[[LocalIssuer], TrustedIssuer]]:
    def made(issuer: LocalIssuer) -> TrustedIssuer:
        around = Surroundings(Freshness(), issuer.transport(), elapsed=clock)
        return TrustedIssuer(Trust(issuer.url, ANY), memory_of(0), around)

    return made


def asked(mirror: Mirror, path: str = "/.well-known/jwks.json", **fields: list[str]) -> Answer:
    async def main() -> Any:
        answer = mirror(Question("GET", path, fields))
        return await answer if isinstance(answer, Awaitable) else answer

    found: Answer = asyncio.run(main())
    return found


def test_a_key_set_is_served_with_its_true_age(one: Any, clock: Clock) -> None:
    """Since the issuer was asked: what keeps to it looks again in a minute, or as the keys' life ends."""
    issuer = LocalIssuer(algorithm="ES256")
    mirror = Mirror({"a": one(issuer)})
    fresh = asked(mirror)
    assert {key.kid for key in KeySet.parse(fresh.body)} == {key.kid for key in issuer.keys}
    assert fields_of(fresh)["Age"] == "0"
    clock.now += 250.5
    told = fields_of(asked(mirror))
    assert (told["Age"], told["Cache-Control"]) == ("251", "public, max-age=311")
    clock.now += 10_000
    assert mirror.keep_fresh() == 1
    issuer.misbehave("jwks", "status")


def test_what_is_known_is_not_sent_again(one: Any) -> None:
    """By its ETag."""
    mirror = Mirror({"a": one(LocalIssuer(algorithm="ES256"))})
    tag = fields_of(asked(mirror))["ETag"]
    again = asked(mirror, **{"if-none-match": [f'W/"x", {tag}']})
    assert (again.status, again.body) == (304, b"")
    assert asked(mirror, **{"if-none-match": ["*"]}).status == 304
    assert asked(mirror, **{"if-none-match": ['"x"']}).status == 200


def test_an_issuer_that_gives_no_keys_is_503(one: Any) -> None:
    """With when to come back."""
    issuer = LocalIssuer(algorithm="ES256")
    issuer.misbehave("jwks", "status")
    mirror = Mirror({"a": one(issuer)})
    asyncio.run(mirror.prepare())
    answer = asked(mirror)
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "keys_unavailable")
    assert int(fields_of(answer)["Retry-After"]) >= 1
    assert mirror.keep_fresh() == 1


def test_what_is_refused_here_is_not_mirrored(one: Any) -> None:
    """A key that is distrusted, for one."""
    issuer = LocalIssuer(algorithm="ES256")
    held = one(issuer)
    mirror = Mirror({"a": held})
    asyncio.run(mirror.prepare())
    held.distrust(issuer.current.kid)
    assert issuer.current.kid not in asked(mirror).body.decode()


def test_each_issuer_has_its_path(one: Any) -> None:
    """By its name; without it where it is the only one."""
    first, second = LocalIssuer(algorithm="ES256"), LocalIssuer(algorithm="ES256")
    mirror = Mirror({"a": one(first), "b": one(second)})
    assert first.current.kid in asked(mirror, "/a/.well-known/jwks.json").body.decode()
    assert second.current.kid in asked(mirror, "/b/.well-known/jwks.json").body.decode()
    for path in ("/.well-known/jwks.json", "/c/.well-known/jwks.json", "/"):
        assert mirror(Question("GET", path, {})) is None


def test_keys_that_were_passed_in_are_mirrored_too() -> None:
    """They have no age."""
    keys = KeySet.parse({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "A" * 42 + "E"}]})
    given = TrustedIssuer(Trust("any", ANY, keys=keys), memory_of(0), Surroundings())
    told = asked(Mirror({"a": given}))
    assert fields_of(told)["Age"] == "0"
    assert json.loads(told.body)["keys"][0]["kid"] == "a"

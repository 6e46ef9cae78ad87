"""Verified: what may be asked of a token that holds, and how a refusal tells what was asked."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest

from rightkey import InsufficientScope, KeySet, Trust, all_of, group, role, scope
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.requirements import required
from rightkey.verdict.attempt import Demands, attempt
from rightkey.verdict.held import Held
from rightkey.verdict.memory import Memory
from rightkey.verdict.verified import Typed, Verified, require

NOW = 1_000_000.0
REALM = "https://sso.example.com/realms/shop"
KEY = SigningKey.generate("ES256", Form(certificates=False), kid="k")
HELD = Held(KeySet.parse({"keys": [KEY.public_jwk()]}))
RAW = mint(
    KEY,
    {"iss": REALM, "aud": "api", "exp": NOW + 60, "scope": "read:x", "realm_access": {"roles": ["clerk"]}},
)


class Issued(TypedDict):
    iss: str


def verified() -> Verified:
    token = attempt(Trust(REALM, "api"), RAW, HELD, NOW)
    assert isinstance(token, Verified)
    return token


def test_a_refusal_says_what_was_asked_and_what_is_missing() -> None:
    """A resource server tells its client the whole of what it needs (RFC 6750, section 3.1)."""
    token = verified()
    with pytest.raises(InsufficientScope, match="write:x") as caught:
        token.require("read:x", "write:x")
    assert caught.value.code == "scope_insufficient"
    assert (caught.value.required, caught.value.missing) == ("all_of(read:x, write:x)", "write:x")
    assert caught.value.requirement is not None
    assert caught.value.requirement.missing({"scope": "read:x write:x"}) is None
    assert caught.value.requirement.missing({"scope": "write:x"}) is not None


def test_one_requirement_is_told_as_it_was_given() -> None:
    """And not as a conjunction of one."""
    asked = scope("write:x")
    with pytest.raises(InsufficientScope) as caught:
        verified().require(asked)
    assert (caught.value.requirement, caught.value.required) == (asked, "write:x")


MORE_THAN_FIT, COMMAS = "more than the issuer puts into a token", "commas between them"


@pytest.mark.parametrize(
    ("claims", "asked", "hint"),
    [
        ({"hasgroups": True}, group("x"), MORE_THAN_FIT),
        ({"_claim_names": {"groups": "src1"}}, all_of("a", group("x")), MORE_THAN_FIT),
        ({"hasgroups": True}, role("x"), None),
        *(
            ({"_claim_names": odd, "hasgroups": 1}, group("x"), None)
            for odd in (None, 5, "groups", ["groups"])
        ),
        ({"scope": "a,b"}, scope("a"), COMMAS),
        ({"scp": "a,b"}, scope("a"), COMMAS),
        *(({"scope": odd}, scope("a"), None) for odd in ("b", "b,c d", 5, ["a,b"])),
    ],
)
def test_what_is_not_granted_for_an_oddity_of_the_token_is_told(
    claims: dict[str, Any], asked: Any, hint: str | None
) -> None:
    """Groups that did not fit into it, and scopes that no list is made of; no value of a claim."""
    with pytest.raises(InsufficientScope) as caught:
        require(claims, required([asked]))
    assert (hint or "None") in str(caught.value.hint)


def test_roles_are_looked_for_where_the_provider_puts_them() -> None:
    """By the trust, the call and the token, when it is new, remembered, and typed: Keycloak nests them."""
    trust, memory = Trust(REALM, "api", require=role("clerk")), Memory(8)
    asked = Demands(trust.requirement)
    for _ in range(2):
        for one, demands in ((trust, Demands()), (trust, asked)):
            token = attempt(one, RAW, HELD, NOW, demands, memory)
            assert isinstance(token, Verified)
            token.require(role("clerk"))
            Typed.of(token, Issued).require(role("clerk"))
            with pytest.raises(InsufficientScope):
                token.require(role("admin"))


def test_typed_claims_come_with_the_token() -> None:
    """The same token, and its claims as a type besides."""
    token = verified()
    typed = Typed.of(token, Issued)
    assert typed.typed == {"iss": REALM}
    assert (typed.claims, typed.key, typed.header) == (token.claims, token.key, token.header)

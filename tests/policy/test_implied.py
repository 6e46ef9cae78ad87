"""Scopes that imply others: transitive, in bounds, wherever a scope is required."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import rightkey
from rightkey import InsufficientScope, Misconfigured, Trust, any_of, permission
from rightkey.grants import GRANTS, granted
from rightkey.integrations.bearer import BEARER
from rightkey.localissuer import LocalIssuer
from rightkey.policy.implied import MAX_IMPLIED, implies_of, through, with_implied
from rightkey.requirements import required

FILES = {"files:admin": ["files:write", "files:share"], "files:write": "files:read", "a": ["b"], "b": ["a"]}


def scopes(scope: str, implies: Any = FILES) -> set[str]:
    return {*granted({"scope": scope}, "scope", with_implied(GRANTS, implies_of(implies)))}


def test_what_is_implied_implies_in_turn() -> None:
    """A cycle makes its scopes mean the same; what is not named implies nothing."""
    assert scopes("files:admin") == {"files:admin", "files:write", "files:share", "files:read"}
    assert scopes("files:write x") == {"files:write", "files:read", "x"}
    assert scopes("files:read") == {"files:read"}
    assert scopes("a") == scopes("b") == {"a", "b"}
    assert scopes("a", {"a": "a"}) == {"a"}
    assert scopes("") == set()
    assert scopes("files:admin", {}) == {"files:admin"}


def test_scopes_alone_imply() -> None:
    """In `scp` and in an array, too; a permission of the same name grants itself."""
    places = with_implied(GRANTS, implies_of(FILES))
    assert granted({"scp": ["files:write"]}, "scope", places) == {"files:write", "files:read"}
    assert granted({"permissions": ["files:write"]}, "permission", places) == {"files:write"}


@pytest.mark.parametrize(
    "wrong",
    [
        "files:admin",
        ["a"],
        {"a": 5},
        {"a": None},
        {5: "a"},
        {"a": [5]},
        {"a b": "c"},
        {"a": "b c"},
        {"": "a"},
    ],
)
def test_a_setting_that_cannot_be_one_is_refused_when_it_is_built(wrong: Any) -> None:
    """A scope has no white space (RFC 6749, section 3.3)."""
    with pytest.raises(Misconfigured):
        Trust("https://issuer.example", "api", implies=wrong)


def test_what_scopes_imply_is_bounded() -> None:
    """By the pairs that they come to, not by those that are written: a long chain has their square."""
    chain = {f"s{place}": f"s{place + 1}" for place in range(200)}
    with pytest.raises(Misconfigured, match="over 10,000 pairs"):
        Trust("https://issuer.example", "api", implies=chain)
    with pytest.raises(Misconfigured, match="over 10,000 pairs"):
        with_implied(GRANTS, {"a": tuple(f"s{place}" for place in range(MAX_IMPLIED + 1))})
    assert len(scopes("s0", {"s0": [f"t{place}" for place in range(MAX_IMPLIED)]})) == MAX_IMPLIED + 1


def test_it_counts_wherever_a_scope_is_required() -> None:
    """By the verifier, the call and the token, when it is new, remembered, of several issuers and pickled."""
    with LocalIssuer(algorithm="ES256") as issuer:
        how: dict[str, Any] = {"audience": issuer.audience, "implies": FILES}
        raw = issuer.token(scope="files:admin")
        one = rightkey.Verifier(issuer.url, require="files:share", **how)
        several = rightkey.Verifier.of(Trust(issuer.url, require="files:share", **how))
        for verifier in (one, one, several, pickle.loads(pickle.dumps(one))):
            token = verifier.verify(raw, require="files:read")
            token.require("files:write", any_of("x", "files:read"))
            assert token.scopes == {"files:admin", "files:write", "files:share", "files:read"}
            pickle.loads(pickle.dumps(token)).require("files:read")
        plain = rightkey.Verifier(issuer.url, audience=issuer.audience)
        with pytest.raises(InsufficientScope) as caught:
            plain.verify(raw, require="files:read")
        assert caught.value.hint is None


def test_a_refusal_names_the_scope_that_is_asked_and_hints_at_broader_ones() -> None:
    """A challenge for a broader scope would have people grant more than the operation needs."""
    with LocalIssuer(algorithm="ES256") as issuer:
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, implies=FILES)
        raw = issuer.token(scope="openid")
        with pytest.raises(InsufficientScope) as caught:
            verifier.verify(raw, require=["files:read", permission("p")])
        assert caught.value.hint == "files:read comes with files:admin or files:write, too"
        challenge = BEARER.refusal(caught.value).headers["WWW-Authenticate"]
        assert 'scope="files:read"' in challenge
        with pytest.raises(InsufficientScope) as caught:
            verifier.verify(raw, require="files:admin")
        assert caught.value.hint is None


def test_explain_tells_which_scope_let_it_in() -> None:
    """The token's own scope is data of the step, and not in its words."""
    with LocalIssuer(algorithm="ES256") as issuer:
        verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, implies=FILES)
        raw = issuer.token(scope="files:admin")
        told = verifier.explain(raw, require="files:read").steps[-1]
        assert (told.outcome, told.detail) == ("ok", "granted, files:read by broader scopes")
        assert told.data == {"implied": {"files:read": ["files:admin"]}}
        told = {step.step: step for step in verifier.explain(raw, require="files:admin").steps}[
            "requirements"
        ]
        assert (told.detail, told.data) == ("granted", {})


def test_what_is_granted_itself_is_not_told_as_implied() -> None:
    """Of a choice, each that a broader scope grants."""
    places = with_implied(GRANTS, implies_of(FILES))
    asked = required([any_of("files:read", "files:write", permission("files:share"))])
    assert through({"scope": "files:write"}, asked, places) == {"files:read": ["files:write"]}

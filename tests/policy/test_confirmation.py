"""Confirmation: a token that is bound to its sender does not pass by possession."""

from __future__ import annotations

import contextlib
import pickle
import time
from typing import Any

import pytest

import rightkey
from rightkey import Misconfigured, TokenRejected
from rightkey.errors import Failure
from rightkey.localissuer import LocalIssuer
from rightkey.policy.confirmation import REASONS, SENDERS, require_sender
from rightkey.policy.profiles import LOGOUT_EVENT, PROFILES

BOUND = {
    "DPoP": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
    "a certificate": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
    "a key": {"jwk": {"kty": "EC"}},
    "what we do not know": {"urn:example:method": 1},
    "DPoP, malformed": {"jkt": 5},
}
MALFORMED = {
    "null": None,
    "empty": {},
    "an array": [],
    "an array of one": [{"jkt": "a"}],
    "text": "jkt",
    "false": False,
    "0": 0,
}


def reason(sender: str, claims: dict[str, Any]) -> str | None:
    """What is told; None where the token passes."""
    with contextlib.suppress(TokenRejected):
        require_sender(sender, claims)
        return None
    with pytest.raises(TokenRejected) as caught:
        require_sender(sender, claims)
    refused = caught.value
    assert (refused.code, refused.status) == ("proof_rejected", 401)
    assert refused.reason in REASONS
    assert [failure.claim for failure in refused.failures] == ["cnf"]
    return refused.reason


@pytest.mark.parametrize("cnf", BOUND.values(), ids=BOUND)
def test_a_bound_token_needs_a_proof(cnf: Any) -> None:
    """Of any method, known or not; `bearer` is the way out."""
    assert reason("checked", {"cnf": cnf}) == reason("bound", {"cnf": cnf}) == "proof_missing"
    assert reason("bearer", {"cnf": cnf}) is None


@pytest.mark.parametrize("cnf", MALFORMED.values(), ids=MALFORMED)
def test_a_confirmation_that_cannot_be_read_is_none(cnf: Any) -> None:
    """And does not make the token an unbound one."""
    assert reason("checked", {"cnf": cnf}) == reason("bound", {"cnf": cnf}) == "confirmation_malformed"
    assert reason("bearer", {"cnf": cnf}) is None


def test_an_unbound_token_passes_unless_it_must_be_bound() -> None:
    """By `checked` and `bearer`."""
    assert reason("checked", {}) is reason("bearer", {}) is None
    assert reason("bound", {}) == "confirmation_missing"


@pytest.mark.parametrize(
    ("claims", "failure", "hinted"),
    [
        ({}, Failure("cnf", "missing", "a confirmation"), False),
        ({"cnf": 5}, Failure("cnf", "malformed", "an object", 5), False),
        ({"cnf": {"jkt": "a"}}, Failure("cnf", "mismatch", "a verified proof", {"jkt": "a"}), True),
    ],
)
def test_what_is_told_is_what_was_expected(claims: dict[str, Any], failure: Failure, hinted: bool) -> None:
    """As for every claim; the way out is told where there is one (docs/errors.md)."""
    with pytest.raises(TokenRejected) as caught:
        require_sender("bound", claims)
    assert caught.value.failures == (failure,)
    assert str(caught.value) == REASONS[str(caught.value.reason)]
    assert bool(caught.value.hint) is hinted


@pytest.mark.parametrize("wrong", [None, "", "Bearer", True, "dpop", ["checked"]])
def test_another_setting_is_refused(wrong: Any) -> None:
    """When the verifier is built, with the words that there are."""
    with pytest.raises(Misconfigured, match=", ".join(SENDERS)):
        rightkey.Verifier("issuer.example", audience="api", sender=wrong)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_kind_of_token_is_exempt(profile: str) -> None:
    """By the whole verifier, and told without a value of the token."""
    with LocalIssuer(algorithm="ES256") as issuer:
        claims = {"sub": "a", "client_id": "c", "jti": "j", "cnf": BOUND["DPoP"], "iat": int(time.time())}
        header = {"typ": "at+jwt"} if profile == "at+jwt" else {}
        if profile == "logout":
            claims["events"] = {LOGOUT_EVENT: {}}
        raw = issuer.mint(claims, header=header)
        how = {"audience": issuer.audience, "profile": profile}
        with pytest.raises(TokenRejected) as caught:
            rightkey.Verifier(issuer.url, **how).verify(raw)
        assert caught.value.code == "proof_rejected"
        assert BOUND["DPoP"]["jkt"] not in f"{caught.value}{caught.value!r}{caught.value.hint}"
        assert "bearer" in str(caught.value.hint)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (again.reason, again.code) == ("proof_missing", "proof_rejected")
        lax = rightkey.Verifier(issuer.url, sender="bearer", **how)
        assert lax.verify(raw).claims["cnf"] == BOUND["DPoP"]
        with pytest.raises(TokenRejected):  # nor does it pass by what another verifier remembers
            rightkey.Verifier(issuer.url, **how).verify(raw)

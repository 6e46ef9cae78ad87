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
from rightkey.policy.confirmation import REASONS, SENDERS, require_sender, thumbprint, token_hash
from rightkey.policy.presented import Presented
from rightkey.policy.profiles import LOGOUT_EVENT, PROFILES

BOUND = {
    "DPoP": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
    "a certificate": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
    "both": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "x5t#S256": "a" * 43},
    "a key": {"jwk": {"kty": "EC"}},
    "what we do not know": {"urn:example:method": 1},
}
MALFORMED = {
    "null": None,
    "empty": {},
    "an array": [],
    "an array of one": [{"jkt": "a"}],
    "text": "jkt",
    "false": False,
    "0": 0,
    "a number for a thumbprint": {"jkt": 5},
    "a thumbprint that is short": {"x5t#S256": "a" * 42},
    "a thumbprint that is null": {"jkt": None, "jwk": {}},
}
JKT, CERTIFICATE = BOUND["DPoP"], b"a certificate in DER"
X5T = {"x5t#S256": thumbprint(CERTIFICATE)}
BY_DPOP, BY_CERTIFICATE = Presented("DPoP"), Presented(certificate=CERTIFICATE)
BY_BOTH = Presented("dpop", certificate=CERTIFICATE)


def reason(sender: str, claims: dict[str, Any], presented: Presented | None = None) -> str | None:
    """What is told; None where the token passes."""
    with contextlib.suppress(TokenRejected):
        require_sender(sender, claims, presented)
        return None
    with pytest.raises(TokenRejected) as caught:
        require_sender(sender, claims, presented)
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
    ("cnf", "presented", "told"),
    [
        (JKT, Presented(), "proof_missing"),
        (JKT, Presented(proofs=["a.b.c"]), "proof_missing"),
        (JKT, BY_CERTIFICATE, "proof_missing"),
        (JKT, BY_DPOP, None),
        (JKT, BY_BOTH, None),
        (X5T, Presented(), "proof_missing"),
        (X5T, BY_CERTIFICATE, None),
        (X5T, Presented(certificate=b"another"), "certificate_mismatch"),
        (X5T, BY_DPOP, "confirmation_missing"),
        (X5T, BY_BOTH, "confirmation_missing"),
        (JKT | X5T, BY_DPOP, "proof_missing"),
        (JKT | X5T, BY_CERTIFICATE, "proof_missing"),
        (JKT | X5T, BY_BOTH, None),
        (JKT | {"jwk": 5, "other": None}, BY_DPOP, None),
        ({"jwk": {}}, BY_DPOP, "confirmation_missing"),
        ({"jwk": {}}, BY_CERTIFICATE, "proof_missing"),
    ],
)
def test_each_confirmation_that_is_known_is_proved(
    cnf: dict[str, Any], presented: Presented, told: str | None
) -> None:
    """By its own method; what is not known is ignored beside one that is proved (RFC 7800, section 3.1). Of
    DPoP it is only seen here that a proof is to be judged."""
    assert reason("checked", {"cnf": cnf}, presented) == reason("bound", {"cnf": cnf}, presented) == told


@pytest.mark.parametrize("jkt", [5, None, "", "a" * 42, "a" * 44, b"a" * 43, ["a"] * 43])
def test_a_thumbprint_alone_is_one(jkt: Any) -> None:
    """Where it is the only confirmation, too."""
    assert reason("checked", {"cnf": {"jkt": jkt}}, BY_DPOP) == "confirmation_malformed"


def test_a_token_has_one_hash() -> None:
    """As text and as octets: that of RFC 9449, figures 12 and 13."""
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert token_hash(token) == token_hash(token.encode()) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.mark.parametrize("sender", SENDERS)
def test_what_comes_by_dpop_is_bound_by_dpop(sender: str) -> None:
    """A token that is not bound gains nothing by that scheme (RFC 9449, section 7.1)."""
    assert reason(sender, {}, BY_DPOP) == "confirmation_missing"
    assert reason(sender, {"cnf": {"jwk": {}}}, BY_DPOP) == "confirmation_missing"
    assert reason(sender, {"cnf": {"jkt": 5}}, BY_DPOP) == "confirmation_malformed"
    assert reason(sender, {"cnf": JKT}, BY_DPOP) is None


def test_by_possession_alone_a_certificate_is_not_looked_at() -> None:
    """Nor is one asked for beside a proof."""
    assert reason("bearer", {"cnf": X5T}, Presented(certificate=b"another")) is None
    assert reason("bearer", {"cnf": JKT | X5T}, BY_DPOP) is None


@pytest.mark.parametrize(
    ("claims", "failure", "hinted"),
    [
        ({}, Failure("cnf", "missing", "a confirmation"), False),
        ({"cnf": 5}, Failure("cnf", "malformed", "an object of thumbprints", 5), False),
        ({"cnf": JKT}, Failure("cnf", "mismatch", "a verified proof", JKT), True),
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
        claims: dict[str, Any] = {"sub": "a", "client_id": "c", "jti": "j", "iat": int(time.time())}
        claims["cnf"] = BOUND["DPoP"]
        typ = {"at+jwt": "at+jwt", "id-jag": "oauth-id-jag+jwt", "event": "secevent+jwt"}.get(profile)
        header = {} if typ is None else {"typ": typ}
        if profile == "logout":
            claims["events"] = {LOGOUT_EVENT: {}}
        if profile == "event":
            claims |= {"events": {"urn:event": {}}, "sub": None, "exp": None}
        raw = issuer.mint(claims, header=header)
        how: dict[str, Any] = {"audience": issuer.audience, "profile": profile}
        how["require_exp"] = profile != "event"
        with pytest.raises(TokenRejected) as caught:
            rightkey.Verifier(issuer.url, **how).verify(raw)
        assert caught.value.code == "proof_rejected"
        assert BOUND["DPoP"]["jkt"] not in f"{caught.value}{caught.value!r}{caught.value.hint}"
        assert "Authorization: DPoP" in str(caught.value.hint)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (again.reason, again.code) == ("proof_missing", "proof_rejected")
        lax = rightkey.Verifier(issuer.url, sender="bearer", **how)
        assert lax.verify(raw).claims["cnf"] == BOUND["DPoP"]
        with pytest.raises(TokenRejected):  # nor does it pass by what another verifier remembers
            rightkey.Verifier(issuer.url, **how).verify(raw)

"""Challenges: of each scheme that is taken, and the error where the token came from."""

from __future__ import annotations

import pytest

from rightkey.errors import InsufficientScope, RequestMalformed, TokenRejected
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.certificates import from_tls
from rightkey.integrations.challenges import Scheme, challenges, error_of
from rightkey.policy.confirmation import REASONS

BOTH = (Scheme("Bearer"), Scheme("DPoP", ("ES256", "RS256")))


class Taking:
    """A verifier that takes these schemes."""

    def __init__(self, **schemes: tuple[str, ...]) -> None:
        self.schemes = schemes


def rejected(scheme: str | None = None) -> TokenRejected:
    error = TokenRejected("claims_rejected", "no")
    error.scheme = scheme
    return error


@pytest.mark.parametrize(
    ("scheme", "told"),
    [
        ("Bearer", 'Bearer realm="a", error="invalid_token", error_description="no", DPoP realm="a", {algs}'),
        ("DPoP", 'Bearer realm="a", DPoP realm="a", error="invalid_token", error_description="no", {algs}'),
        (
            None,
            'Bearer realm="a", error="invalid_token", error_description="no", '
            'DPoP realm="a", error="invalid_token", error_description="no", {algs}',
        ),
    ],
)
def test_the_error_is_in_the_challenge_of_its_scheme(scheme: str | None, told: str) -> None:
    """RFC 9449, section 7.2; in each where the scheme is not known."""
    expected = told.format(algs='algs="ES256 RS256"')
    assert challenges(rejected(scheme), BOTH, "a", {"scope": ""}) == expected


def test_an_error_of_a_scheme_that_is_not_taken_is_told_all_the_same() -> None:
    """Such as a bearer token where all must be bound."""
    assert challenges(rejected("Bearer"), BOTH[1:], None, {}).startswith('DPoP error="invalid_token"')
    assert challenges(rejected("DPoP"), BOTH[:1], None, {}).startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (TokenRejected("token_missing", ""), None),
        (TokenRejected("key_not_found", ""), "invalid_token"),
        (InsufficientScope("scope_insufficient", ""), "insufficient_scope"),
        (RequestMalformed("request_malformed", ""), "invalid_request"),
        (TokenRejected("proof_rejected", "", reason="nonce_needed"), "use_dpop_nonce"),
        (TokenRejected("proof_rejected", "", reason="key_mismatch"), "invalid_token"),
        (TokenRejected("proof_rejected", "", reason="proof_replayed"), "invalid_dpop_proof"),
        (TokenRejected("proof_rejected", ""), "invalid_dpop_proof"),
    ],
)
def test_an_error_has_oauths_name(error: TokenRejected, name: str | None) -> None:
    """RFC 6750, section 3.1; RFC 9449, section 7.1. Every reason has one."""
    assert error_of(error) == name
    for reason in REASONS:
        assert error_of(TokenRejected("proof_rejected", "", reason=reason))


def test_challenges_are_those_of_the_verifier() -> None:
    """That tells its schemes; with another, or where no header may carry a token, `Bearer`."""
    missing = TokenRejected("token_missing", "no token was given")

    def told(bearer: Bearer, verifier: object) -> str:
        return bearer.beside(verifier).refusal(missing).headers["WWW-Authenticate"]

    taking = Taking(Bearer=(), DPoP=("ES256",))
    assert told(Bearer(realm="x"), taking) == 'Bearer realm="x", DPoP realm="x", algs="ES256"'
    assert told(Bearer(), Taking(DPoP=("ES256", "Ed25519"))) == 'DPoP algs="ES256 Ed25519"'
    assert told(Bearer(), object()) == told(Bearer(cookie("a")), taking) == "Bearer"


def test_what_is_bound_to_a_certificate_is_a_bearer_token() -> None:
    """By its scheme: it is asked for where certificates are, also where all tokens must be bound."""
    error = TokenRejected("token_missing", "no token was given")
    told = Bearer(certificate=from_tls()).beside(Taking(DPoP=("ES256",))).refusal(error)
    assert told.headers["WWW-Authenticate"] == 'Bearer, DPoP algs="ES256"'


def test_a_nonce_is_a_header_of_its_own() -> None:
    """RFC 9449, section 9."""
    error = TokenRejected("proof_rejected", "no", reason="nonce_needed")
    error.nonce, error.scheme = "abc", "DPoP"
    refusal = Bearer().beside(Taking(Bearer=(), DPoP=("ES256",))).refusal(error)
    assert refusal.headers["DPoP-Nonce"] == "abc"
    assert 'DPoP error="use_dpop_nonce"' in refusal.headers["WWW-Authenticate"]

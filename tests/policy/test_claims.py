"""The registered claims: boundaries on both sides, every shape, every failure."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rightkey.errors import Failure
from rightkey.issuer.providers import recognise
from rightkey.policy.claims import failures, hint_of, issuer_failure, period, rejected

NOW = 1_000_000.0


def times(claims: dict[str, Any], leeway: float = 0.0, exp_required: bool = True) -> list[tuple[str, str]]:
    found = failures(claims, NOW, leeway, exp_required=exp_required, audience=None)
    return [(failure.claim, failure.reason) for failure in found]


@pytest.mark.parametrize("leeway", [0, 5])
def test_on_exp_itself_a_token_has_expired(leeway: float) -> None:
    """RFC 7519, section 4.1.4; the leeway moves the moment and not the rule."""
    assert times({"exp": NOW - leeway + 1}, leeway) == []
    assert times({"exp": NOW - leeway}, leeway) == [("exp", "expired")]


@pytest.mark.parametrize("leeway", [0, 5])
def test_on_nbf_itself_a_token_is_good(leeway: float) -> None:
    """Section 4.1.5."""
    assert times({"exp": NOW + 9, "nbf": NOW + leeway}, leeway) == []
    assert times({"exp": NOW + 9, "nbf": NOW + leeway + 1}, leeway) == [("nbf", "not_yet_valid")]


def test_a_token_without_exp_is_refused_where_it_is_required() -> None:
    """And passes where it is not."""
    assert times({}) == [("exp", "missing")]
    assert times({}, exp_required=False) == []


@pytest.mark.parametrize("value", ["5", True, None, [], {}])
def test_a_time_is_a_number(value: Any) -> None:
    """And every one that is not is told."""
    wrong = dict.fromkeys(("exp", "nbf", "iat"), value)
    assert times(wrong, exp_required=False) == [(name, "malformed") for name in wrong]


def test_a_time_may_have_a_fraction() -> None:
    """NumericDate allows it (RFC 7519, section 2)."""
    assert times({"exp": NOW + 0.5, "nbf": NOW - 0.5}) == []


def test_an_iat_in_the_future_refuses_nothing() -> None:
    """For that there is nbf."""
    assert times({"exp": NOW + 9, "iat": NOW + 500}) == []


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "api"}, None),
        ({"aud": ["other", "api"]}, None),
        ({"aud": "ap"}, "mismatch"),
        ({"aud": "api2"}, "mismatch"),
        ({"aud": ["other"]}, "mismatch"),
        ({"aud": []}, "mismatch"),
        ({}, "missing"),
        ({"aud": 5}, "malformed"),
        ({"aud": {"api": 1}}, "malformed"),
        ({"aud": ["api", 5]}, "malformed"),
        ({"aud": [["api"]]}, "malformed"),
    ],
)
def test_one_audience_must_be_expected(claims: dict[str, Any], reason: str | None) -> None:
    """Whole strings; an array with anything else in it is no audience (CVE-2020-26160)."""
    found = failures(claims, NOW, 0, exp_required=False, audience=frozenset({"api"}))
    assert [(failure.claim, failure.reason) for failure in found] == [("aud", reason)] * bool(reason)


@pytest.mark.parametrize(
    ("iss", "reason"), [(None, "missing"), ("b", "mismatch"), (["a"], "malformed"), (5, "malformed")]
)
def test_what_is_wrong_with_an_issuer(iss: Any, reason: str) -> None:
    """None, another, or no string at all (CVE-2024-53861, CVE-2025-30144)."""
    failure = issuer_failure({"iss": iss} if iss is not None else {}, ("a",))
    assert (failure.claim, failure.reason, failure.expected) == ("iss", reason, ("a",))


@pytest.mark.parametrize(
    ("claims", "found"), [({"azp": "api"}, []), ({"azp": "b"}, ["mismatch"]), ({}, ["missing"])]
)
def test_a_claim_may_stand_for_an_audience_that_is_missing(claims: dict[str, Any], found: list[str]) -> None:
    """Where the provider leaves `aud` out (Amazon Cognito), and only where it is left out."""
    how: dict[str, Any] = {"exp_required": False, "audience": frozenset({"api"}), "client": "azp"}
    assert [failure.reason for failure in failures(claims, NOW, 0, **how)] == found
    stated = claims | {"aud": "other", "azp": "api"}
    assert [failure.reason for failure in failures(stated, NOW, 0, **how)] == ["mismatch"]


def test_names_are_strings() -> None:
    """`iss`, `sub` and `jti`, where they are."""
    assert times({"iss": "a", "sub": "b", "jti": "c"}, exp_required=False) == []
    wrong = {"iss": 1, "sub": None, "jti": []}
    assert times(wrong, exp_required=False) == [(name, "malformed") for name in wrong]


def test_every_failure_is_found() -> None:
    """And not the first one alone."""
    claims = {"exp": NOW, "nbf": NOW + 1, "iat": "x", "sub": 1, "aud": "other"}
    found = failures(claims, NOW, 0, exp_required=True, audience=frozenset({"api"}))
    assert [failure.claim for failure in found] == ["exp", "nbf", "iat", "sub", "aud"]


A_TIME, A_NAME = "a number", "a string"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, Failure("exp", "missing", A_TIME)),
        ({"exp": NOW}, Failure("exp", "expired", "after 1000000", NOW)),
        ({"exp": "5"}, Failure("exp", "malformed", A_TIME, "5")),
        ({"nbf": NOW + 1}, Failure("nbf", "not_yet_valid", "at most 1000000", NOW + 1)),
        ({"nbf": "5"}, Failure("nbf", "malformed", A_TIME, "5")),
        ({"iat": "5"}, Failure("iat", "malformed", A_TIME, "5")),
        ({"iss": 5}, Failure("iss", "malformed", A_NAME, 5)),
        ({"sub": 5}, Failure("sub", "malformed", A_NAME, 5)),
        ({"jti": 5}, Failure("jti", "malformed", A_NAME, 5)),
        ({"aud": None}, Failure("aud", "missing", ["a", "b"])),
        ({"aud": "c"}, Failure("aud", "mismatch", ["a", "b"], "c")),
        ({"aud": 5}, Failure("aud", "malformed", "a string or an array of strings", 5)),
    ],
)
def test_a_failure_says_what_was_expected_and_what_was_got(claims: dict[str, Any], expected: Failure) -> None:
    """Both are data of the error (docs/errors.md), and a service answers with them."""
    given = {"aud": "a"} | ({"exp": NOW + 9} if claims else {}) | claims
    assert failures(given, NOW, 0, exp_required=True, audience=frozenset({"b", "a"})) == [expected]


def test_the_issuer_that_was_got_is_told() -> None:
    """As for the other claims."""
    assert issuer_failure({"iss": "b"}, ("a",)) == Failure("iss", "mismatch", ("a",), "b")
    assert issuer_failure({}, ("a",)) == Failure("iss", "missing", ("a",))


def test_claims_that_passed_pass_again_within_their_times() -> None:
    """From `nbf` to `exp`, by the leeway longer on both sides; without them, for ever."""
    assert period({"nbf": 10, "exp": 20}, 3) == (7, 23)
    assert period({}, 3) == (-math.inf, math.inf)


def test_the_message_names_each_claim_and_no_value() -> None:
    """With the reason in words."""
    error = rejected(
        (Failure("nbf", "not_yet_valid", "at most 1", 2), Failure("sub", "malformed", got=5)), "do it"
    )
    assert str(error) == "claims are not as required: nbf not yet valid, sub malformed"
    assert (error.code, error.hint, len(error.failures)) == ("claims_rejected", "do it", 2)


def hinted(claims: dict[str, Any], audience: set[str], **row: Any) -> str | None:
    found = failures(claims, NOW, 0, exp_required=False, audience=frozenset(audience))
    return hint_of(found, claims, **row)


@pytest.mark.parametrize("aud", ["https://api.example", ["other", "https://api.example"]])
def test_an_audience_that_differs_by_a_slash_is_told(aud: Any) -> None:
    """MCP's SDKs add and strip it; the hint names what was configured, and nothing of the token."""
    hint = hinted({"aud": aud}, {"https://api.example/", "b"})
    assert hint == "only the slash at the end differs: the audience expected is 'https://api.example/'; " + (
        "audience= may be given both"
    )
    assert hinted({"aud": "https://api.example/x"}, {"https://api.example/"}) is None
    assert hinted({"aud": []}, {"a"}) is None
    assert hinted({"aud": ["b"] * 1000 + ["a/"]}, {"a"}) is None  # thousands are not looked through


def test_client_id_without_aud_is_told() -> None:
    """As Cognito's access tokens are, where the provider is not known to be Cognito."""
    assert "provider='cognito'" in str(hinted({"client_id": "a"}, {"a"}))
    assert hinted({}, {"a"}) is None


def test_a_clock_that_is_behind_is_told() -> None:
    """`nbf` is ahead of the clock here."""
    assert "leeway=" in str(hinted({"aud": "a", "nbf": NOW + 1}, {"a"}))


@pytest.mark.parametrize(
    ("claims", "hint"),
    [
        ({"aud": "HTTPS://api.example"}, "letter case"),
        ({"aud": "http://api.example"}, "scheme in front"),
        ({"aud": "client", "nonce": "n"}, "looks like an ID token"),
        ({"aud": "client", "at_hash": "h", "scope": "a"}, "looks like an ID token"),
        ({"aud": "client", "c_hash": "h"}, "looks like an ID token"),
        ({"aud": "client", "nonce": "n", "scope": "a"}, None),
        ({"aud": "https://api.example", "nbf": 1e11}, "leeway="),
        ({"aud": "client", "typ": "ID"}, "looks like an ID token"),
        ({"aud": "client", "azp": "client"}, "for the client"),
        ({"aud": ["client"], "client_id": "client"}, "for the client"),
        ({"aud": ["client", "other"], "client_id": "client"}, None),
        ({"aud": "client", "nonce": "n", "scp": "a"}, None),
        ({"aud": "https://api.example", "exp": "2027-01-01"}, "a number of seconds"),
        ({"aud": "https://api.example", "nbf": 1_800_000_000_000}, "milliseconds"),
    ],
    ids=str,
)
def test_a_mistake_of_the_first_day_is_told(claims: dict[str, Any], hint: str | None) -> None:
    """The wrong token was sent, or an issuer writes what no issuer should."""
    told = hinted(claims, {"https://api.example"})
    assert told is None if hint is None else hint in str(told)


def test_a_token_for_another_service_of_the_provider_is_told() -> None:
    """Keycloak's tokens are for `account`, or for none, until a mapper adds this API."""
    keycloak = recognise("https://sso.example.com/realms/shop")
    assert keycloak is not None
    for claims in ({"aud": "account"}, {"aud": ["other", "account"]}, {}):
        assert hinted(claims, {"api"}) is None
        assert "mapper" in str(hinted(claims, {"api"}, vendor=keycloak)).lower()
    assert hinted({"aud": "other"}, {"api"}, vendor=keycloak) is None

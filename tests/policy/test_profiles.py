"""Kinds of token: which typ each takes, and what it asks beyond the registered claims."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from rightkey import Misconfigured, TokenRejected, Trust
from rightkey.errors import Failure
from rightkey.jose import base64url
from rightkey.jose.jws import read_header
from rightkey.policy.profiles import LOGOUT_EVENT, PROFILES, Evidence, profile
from rightkey.verdict.attempt import Demands, judge_claims

ID = {"iss": "i", "sub": "s", "aud": "client", "exp": 2, "iat": 1}
LOGOUT = {"iss": "i", "aud": "client", "iat": 1, "jti": "j", "sub": "s", "events": {LOGOUT_EVENT: {}}}


def failures(name: str, claims: dict[str, Any], **presented: Any) -> list[tuple[str, str]]:
    alg = presented.pop("alg", "RS256")
    asked = Evidence(alg, claims, presented.pop("audience", frozenset({"client"})), **presented)
    return [(failure.claim, failure.reason) for failure in profile(name).failures(asked)]


TYPES = [None, "JWT", "jwt", "at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt"]
TYPES += ["oauth-id-jag+jwt"]
TAKEN = {
    "access": {None, "JWT", "jwt", "at+jwt", "application/at+jwt"},
    "at+jwt": {"at+jwt", "application/at+jwt"},
    "id": {None, "JWT", "jwt"},
    "logout": {None, "JWT", "jwt", "logout+jwt"},
    "id-jag": {"oauth-id-jag+jwt"},
    "event": {"secevent+jwt"},
    "any": set(TYPES),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("typ", TYPES)
def test_one_kind_is_never_taken_for_another(name: str, typ: str | None) -> None:
    """By `typ`, whatever its letters' case and with or without `application/`."""
    trust = Trust("https://issuer.example/", audience="api", profile=name)
    members = {"alg": "RS256"} | ({} if typ is None else {"typ": typ})
    header = read_header(base64url.encode(json.dumps(members).encode()).encode())
    try:
        judge_claims(trust, header, {"iss": "https://issuer.example/", "aud": "api", "exp": 2}, None, 1)
        wrong = []
    except TokenRejected as error:
        wrong = [one for one in error.failures if one.claim == "typ"]
    assert [(one.reason, one.got) for one in wrong] == [("mismatch", typ)] * (typ not in TAKEN[name])


def test_an_access_token_of_rfc_9068_has_all_that_it_must() -> None:
    """Section 2.2: each of seven claims."""
    names = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
    assert failures("at+jwt", dict.fromkeys(names, "x")) == []
    assert failures("at+jwt", {}) == [(name, "missing") for name in names]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"azp": "client"}, []),
        ({"azp": "another"}, []),
        ({"azp": ["client"]}, [("azp", "malformed")]),
        ({"aud": ["client"], "azp": "another"}, []),
        ({"aud": ["client", "more"]}, [("azp", "missing")]),
        ({"aud": ["client", "more"], "azp": "more"}, [("azp", "mismatch")]),
        ({"aud": ["client", "more"], "azp": "client"}, []),
        ({"aud": ["client"]}, []),
        ({"sub": None}, [("sub", "missing")]),
    ],
)
def test_an_id_token_is_for_the_client(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """OpenID Connect Core 1.0, section 3.1.3.7, 2 to 5."""
    assert failures("id", ID | change) == expected


def test_audiences_that_are_all_ours_need_no_party() -> None:
    """Item 3 asks to refuse further audiences that are not trusted: these are."""
    both = frozenset({"client", "more"})
    for azp in ({}, {"azp": "app"}):
        assert failures("id", ID | {"aud": ["client", "more"]} | azp, audience=both) == []


@pytest.mark.parametrize("name", ["access", "at+jwt", "id"])
@pytest.mark.parametrize("event", [{}, None, "x"])
def test_a_logout_token_is_no_other(name: str, event: Any) -> None:
    """Its event tells, whatever its `typ` (Back-Channel Logout 1.0, section 2.4)."""
    claims = ID | {"client_id": "c", "jti": "j", "events": {LOGOUT_EVENT: event, "other": {}}}
    assert failures(name, claims) == [("events", "forbidden")]


@pytest.mark.parametrize("events", ['{"type": "consent-revoked"}', {"urn:example:event": {}}, [], None, 5])
def test_other_events_are_nobodys_business(events: Any) -> None:
    """Apple sends its notifications as text."""
    for name in ("access", "id"):
        assert failures(name, ID | {"events": events}) == []


def test_a_logout_token_with_a_plain_typ_is_no_access_token() -> None:
    """By the whole judgement, in which `access` looks at no other claim."""
    trust = Trust("https://issuer.example/", audience="api")
    header = read_header(base64url.encode(b'{"alg":"RS256","typ":"JWT"}').encode())
    claims = {"iss": "https://issuer.example/", "aud": "api", "exp": 2000, "events": {LOGOUT_EVENT: {}}}
    with pytest.raises(TokenRejected, match="events forbidden"):
        judge_claims(trust, header, claims, None, 1000)
    judge_claims(trust, header, claims | {"events": '{"type": "email-disabled"}'}, None, 1000)


GRANT = ID | {"client_id": "c", "jti": "j", "scope": "read:x", "resource": "https://api.example.com"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"aud": ["client"], "resource": ["https://a.example", "https://b.example"]}, []),
        ({"scope": None, "resource": None, "authorization_details": [{"type": "x"}]}, []),
        ({"aud": ["client", "another"]}, [("aud", "malformed")]),
        ({"client_id": None}, [("client_id", "missing")]),
        ({"sub": 5, "jti": ["j"]}, [("sub", "malformed"), ("jti", "malformed")]),
        ({"scope": ["read:x"]}, [("scope", "malformed")]),
        ({"resource": ["https://a.example", 5]}, [("resource", "malformed")]),
        ({"resource": []}, [("resource", "malformed")]),
        ({"authorization_details": {"type": "x"}}, [("authorization_details", "malformed")]),
        ({"authorization_details": ["x"]}, [("authorization_details", "malformed")]),
    ],
)
def test_an_identity_assertion_is_a_grant_for_one_server(
    change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """draft-ietf-oauth-identity-assertion-authz-grant-03, sections 3.1 and 4.4.1."""
    assert failures("id-jag", GRANT | change) == expected


def test_where_no_audience_is_expected_any_party_is_authorized() -> None:
    """Who checks no audience has nothing to compare with."""
    assert failures("id", ID | {"azp": "another"}, audience=None) == []


@pytest.mark.parametrize("name", ["id", "access", "any"])
def test_the_nonce_that_was_sent_must_come_back(name: str) -> None:
    """Whatever the kind, since the caller asked."""
    assert failures(name, ID | {"nonce": "n"}, nonce="n") == []
    assert failures(name, ID | {"nonce": "m"}, nonce="n") == [("nonce", "mismatch")]
    assert failures(name, ID, nonce="n") == [("nonce", "missing")]


@pytest.mark.parametrize(("alg", "name"), [("RS256", "sha256"), ("ES384", "sha384"), ("EdDSA", "sha512")])
def test_at_hash_is_of_the_access_token(alg: str, name: str) -> None:
    """The left half of its hash, by the algorithm's own (section 3.1.3.6)."""
    digest = hashlib.new(name, b"token").digest()
    half = base64url.encode(digest[: len(digest) // 2])
    assert failures("id", ID | {"at_hash": half}, alg=alg, access_token="token") == []
    assert failures("id", ID | {"at_hash": half}, alg=alg, access_token="other") == [("at_hash", "mismatch")]
    assert failures("id", ID, alg=alg, access_token="token") == [("at_hash", "missing")]


def test_an_at_hash_that_cannot_be_checked_is_not_passed() -> None:
    """CVE-2026-28498: an algorithm without a hash fails closed."""
    assert failures("id", ID | {"at_hash": "x"}, alg="ML-DSA-65", access_token="t") == [
        ("at_hash", "malformed")
    ]


@pytest.mark.parametrize(
    ("auth_time", "expected"),
    [
        (100, []),
        (100.5, []),
        (99, [("auth_time", "expired")]),
        (None, [("auth_time", "missing")]),
        ("100", [("auth_time", "malformed")]),
        (True, [("auth_time", "malformed")]),
    ],
)
def test_who_logged_in_too_long_ago_is_refused(auth_time: Any, expected: list[tuple[str, str]]) -> None:
    """OpenID Connect Core 1.0, section 3.1.3.7, 13; where it was not asked for, it does not matter."""
    claims = ID | {"auth_time": auth_time}
    assert failures("id", claims, since=100.0) == expected
    assert failures("id", claims) == []


def test_a_login_is_as_old_as_the_clock_says() -> None:
    """`max_age` counts from now, and the leeway is added."""
    trust = Trust("https://issuer.example/", audience="api", profile="id", leeway=5)
    header = read_header(base64url.encode(b'{"alg":"RS256"}').encode())
    claims = {"iss": "https://issuer.example/", "sub": "s", "aud": "api", "exp": 2000, "iat": 1}

    def passes(auth_time: int) -> bool:
        try:
            judge_claims(trust, header, claims | {"auth_time": auth_time}, None, 1000, Demands(max_age=60))
        except TokenRejected:
            return False
        return True

    assert [passes(auth_time) for auth_time in (936, 935, 934)] == [True, True, False]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"sub": None, "sid": "session"}, []),
        ({"sub": None}, [("sub", "missing")]),
        ({"nonce": "n"}, [("nonce", "forbidden")]),
        ({"events": None}, [("events", "missing"), ("events", "missing")]),
        ({"events": {}}, [("events", "mismatch")]),
        ({"events": {LOGOUT_EVENT: "yes"}}, [("events", "mismatch")]),
        ({"jti": None}, [("jti", "missing")]),
    ],
)
def test_a_logout_token_says_so(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6."""
    assert failures("logout", LOGOUT | change) == expected


A_HASH = base64url.encode(hashlib.sha256(b"t").digest()[:16])
A_LOGOUT = {LOGOUT_EVENT: {}}
TWO = {"aud": ["client", "other"]}


@pytest.mark.parametrize(
    ("name", "claims", "asked", "expected"),
    [
        ("at+jwt", {}, {}, Failure("iss", "missing")),
        ("logout", LOGOUT | {"nonce": "n"}, {}, Failure("nonce", "forbidden", None, "n")),
        ("id", ID | {"events": A_LOGOUT}, {}, Failure("events", "forbidden", None, A_LOGOUT)),
        ("id", ID | {"azp": 5}, {}, Failure("azp", "malformed", "a string", 5)),
        ("id", ID | TWO, {}, Failure("azp", "missing", ["a", "client"])),
        ("id", ID | TWO | {"azp": "b"}, {}, Failure("azp", "mismatch", ["a", "client"], "b")),
        ("id", ID | {"nonce": "m"}, {"nonce": "n"}, Failure("nonce", "mismatch", "n", "m")),
        ("id", ID, {"nonce": "n"}, Failure("nonce", "missing", "n")),
        ("id", ID, {"access_token": "t"}, Failure("at_hash", "missing", "the hash of the access token")),
        ("id", ID | {"at_hash": "h"}, {"access_token": "t"}, Failure("at_hash", "mismatch", A_HASH, "h")),
        ("id", ID, {"since": 100.0}, Failure("auth_time", "missing", "a number")),
        ("id", ID | {"auth_time": "9"}, {"since": 100.0}, Failure("auth_time", "malformed", "a number", "9")),
        ("id", ID | {"auth_time": 9}, {"since": 100.0}, Failure("auth_time", "expired", "at least 100", 9)),
        ("logout", LOGOUT | {"events": {}}, {}, Failure("events", "mismatch", LOGOUT_EVENT, {})),
        ("logout", LOGOUT | {"sub": 5}, {}, Failure("sub", "missing", "sub, sid or both")),
    ],
)
def test_a_failure_says_what_was_expected_and_what_was_got(
    name: str, claims: dict[str, Any], asked: dict[str, Any], expected: Failure
) -> None:
    """Both are data of the error (docs/errors.md), and a service answers with them."""
    presented = Evidence("RS256", claims, frozenset({"client", "a"}), **asked)
    assert profile(name).failures(presented)[0] == expected


@pytest.mark.parametrize("name", ["", "ID", None, [], "jwt"])
def test_another_profile_is_refused(name: Any) -> None:
    """With the names that there are."""
    with pytest.raises(Misconfigured) as caught:
        profile(name)
    assert "access" in str(caught.value.hint)


def test_another_kind_of_token_is_told_with_the_kinds_that_pass() -> None:
    """By name: that a token may have none is no name."""
    assert profile("access").type_failure("dpop+jwt") == Failure(
        "typ", "mismatch", ["at+jwt", "jwt"], "dpop+jwt"
    )
    assert profile("any").type_failure("x") == Failure("typ", "mismatch", [], "x")


def test_where_any_audience_passes_no_party_is_asked_for() -> None:
    """There is no client that `azp` could be."""
    presented = Evidence("RS256", ID | TWO, None)
    assert profile("id").failures(presented) == []


def test_a_hash_that_cannot_be_checked_says_why() -> None:
    """Of an algorithm without one; and an access token that is no text matches none."""
    claims = ID | {"at_hash": "h"}
    none = Evidence("ML-DSA-65", claims, frozenset({"client"}), access_token="t")
    expected = Failure("at_hash", "malformed", "none is defined for ML-DSA-65", "h")
    assert profile("id").failures(none) == [expected]
    odd = Evidence("RS256", claims, frozenset({"client"}), access_token="\ud800")
    assert [failure.reason for failure in profile("id").failures(odd)] == ["mismatch"]

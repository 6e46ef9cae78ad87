"""Bearer tokens in HTTP: where they are found, and what is answered where they are refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import rightkey
from rightkey.errors import CODES, IssuerMisbehaved
from rightkey.grants import GRANTS
from rightkey.integrations.bearer import (
    AUTHORIZATION,
    Bearer,
    Carrier,
    ProtectedResource,
    cookie,
    header,
    query,
    scopes_of,
    user_key,
)
from rightkey.jose.jws import Header
from rightkey.requirements import all_of, any_of, role, scope
from rightkey.verdict.verified import Verified

BEARER = Bearer()
HOSTILE = 'x"\r\nSet-Cookie: a=b\\ é\x00'


def authorization(*values: str) -> list[tuple[str, str]]:
    return [("host", "a"), *(("Authorization", value) for value in values)]


def test_no_two_users_have_one_key() -> None:
    """However issuers and subjects are spelled; with one issuer it is the subject as it is."""
    pairs = [("a", "b#c"), ("a#b", "c"), ("a%23b", "c"), ("a", "b"), ("a%", "b"), (None, "b")]
    header = Header("ES256", None, None, None, None, None, "", {})
    tokens = [Verified({"iss": iss, "sub": sub}, None, header, GRANTS) for iss, sub in pairs]
    assert len({user_key(one, several=True) for one in tokens}) == len(pairs)
    assert [user_key(one, several=False) for one in tokens] == [sub for _, sub in pairs]
    assert user_key(Verified({"iss": "a"}, None, header, GRANTS), several=True) == ""


@pytest.mark.parametrize("value", ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "])
def test_the_scheme_is_of_any_case(value: str) -> None:
    """RFC 9110, section 11.1; spaces as RFC 6750's grammar has them."""
    assert BEARER.token(authorization(value)) == "a.b.c"


@pytest.mark.parametrize("token", ["a", "a-._~+/b", "YWI=", "YWI=="])
def test_a_token_is_of_the_grammar(token: str) -> None:
    """RFC 6750, section 2.1."""
    assert BEARER.token(authorization(f"Bearer {token}")) == token


@pytest.mark.parametrize(
    "headers", [[], authorization("Basic YTpi"), authorization("Bearerish a"), authorization("")]
)
def test_no_token_is_not_a_malformed_one(headers: list[tuple[str, str]]) -> None:
    """Another scheme is none of ours."""
    with pytest.raises(rightkey.TokenRejected) as caught:
        BEARER.token(headers, "access_token=a")
    assert (caught.value.code, caught.value.status) == ("token_missing", 401)


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer"],
        ["Bearer a b"],
        ["Bearer a, Bearer b"],
        ["Bearer a=b"],
        ["Bearer é"],
        ["Bearer a\n"],
        ["Bearer\ta"],
        ["Bearer a", "Bearer a"],
        ["Basic YTpi", "Bearer a"],
        ["Bearer a", "Basic YTpi"],
    ],
)
def test_what_is_not_one_token_is_a_malformed_request(values: list[str]) -> None:
    """None is chosen among several."""
    if values == ["Bearer\ta"]:  # the scheme ends at a space
        with pytest.raises(rightkey.TokenRejected):
            BEARER.token(authorization(*values))
        return
    with pytest.raises(rightkey.RequestMalformed) as caught:
        BEARER.token(authorization(*values))
    assert (caught.value.code, caught.value.status) == ("request_malformed", 400)


def test_a_token_is_carried_elsewhere_by_choice() -> None:
    """By a header, a cookie or the query; then the Authorization header is not looked at."""
    headers = [*authorization("Bearer a"), ("X-Token", "b"), ("cookie", "x=1; session=c; y=2")]
    assert Bearer(header("x-token")).token(headers) == "b"
    assert Bearer(cookie("session")).token(headers) == "c"
    assert Bearer(query()).token(headers, "q=1&access_token=d") == "d"


def test_of_several_carriers_one_carries() -> None:
    """Two tokens in one request are refused, wherever they are; so is a cookie that is there twice."""
    either = Bearer((AUTHORIZATION, cookie("session")))
    assert either.token(authorization("Bearer a")) == "a"
    assert either.token([("Cookie", "session=b")]) == "b"
    for headers in (
        [*authorization("Bearer a"), ("Cookie", "session=b")],
        [("Cookie", "session=b; session=c")],
    ):
        with pytest.raises(rightkey.RequestMalformed):
            either.token(headers)
    with pytest.raises(rightkey.RequestMalformed):
        Bearer(query()).token([], "access_token=a&access_token=b")
    with pytest.raises(rightkey.TokenRejected) as caught:
        either.token([])
    assert caught.value.hint == (
        "send the header Authorization: Bearer <token>, or the token in the cookie session"
    )


def test_a_challenge_without_a_token_names_no_error() -> None:
    """RFC 6750, section 3.1; it may say where metadata are, and which scopes to ask for."""
    missing = rightkey.TokenRejected("token_missing", "no token was given")
    assert BEARER.refusal(missing).headers == {"WWW-Authenticate": "Bearer"}
    full = Bearer(realm="api", resource_metadata="https://api.example/.well-known/oauth-protected-resource")
    assert full.refusal(missing, all_of("read:x", "write:x")).headers["WWW-Authenticate"] == (
        'Bearer realm="api", scope="read:x write:x", '
        'resource_metadata="https://api.example/.well-known/oauth-protected-resource"'
    )


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (
            rightkey.TokenRejected("signature_invalid", "no"),
            401,
            'error="invalid_token", error_description="no"',
        ),
        (
            rightkey.InsufficientScope(
                "scope_insufficient",
                "lacks",
                required="all_of(a, b)",
                missing="b",
                requirement=rightkey.all_of("a", "b"),
            ),
            403,
            'error="insufficient_scope", error_description="lacks", scope="a b"',
        ),
        (
            rightkey.InsufficientScope("scope_insufficient", "lacks", required="in ( words", missing=""),
            403,
            'error="insufficient_scope", error_description="lacks"',
        ),
        (
            rightkey.RequestMalformed("request_malformed", "two"),
            400,
            'error="invalid_request", error_description="two"',
        ),
    ],
)
def test_a_challenge_names_what_was_wrong(error: rightkey.RightkeyError, status: int, told: str) -> None:
    """By RFC 6750's words, and the body by ours."""
    refusal = BEARER.refusal(error)
    assert (refusal.status, refusal.headers) == (status, {"WWW-Authenticate": f"Bearer {told}"})
    assert json.loads(refusal.content) == {"code": error.code, "message": str(error)}


def test_nothing_can_be_put_into_a_header() -> None:
    """Neither by what a message holds nor by a scope."""
    for error in (
        rightkey.TokenRejected("key_not_found", f"no key {HOSTILE}"),
        rightkey.InsufficientScope("scope_insufficient", HOSTILE, required=HOSTILE),
    ):
        value = BEARER.refusal(error, scope("a\\b")).headers["WWW-Authenticate"]
        assert re.fullmatch(r'Bearer error="\w+", error_description="[ !#-\[\]-~]*"', value)


def test_a_fault_of_the_issuer_is_503_without_a_challenge() -> None:
    """What failed is for our logs; the client is told when to come back."""
    down = rightkey.IssuerUnavailable("keys_unavailable", "10.0.0.1 refused", retry_after=1.2)
    refusal = BEARER.refusal(down)
    assert (refusal.status, refusal.headers) == (503, {"Retry-After": "2"})
    assert refusal.body["message"] == CODES["keys_unavailable"]
    assert "10.0.0.1" not in refusal.content.decode()
    for error in (
        IssuerMisbehaved("keyset_invalid", "x"),
        rightkey.IssuerUnavailable("keys_unavailable", "x"),
    ):
        assert (BEARER.refusal(error).status, BEARER.refusal(error).headers) == (503, {"Retry-After": "1"})


def test_a_fault_of_ours_is_500_and_tells_nothing() -> None:
    """It should have ended the start."""
    refusal = BEARER.refusal(rightkey.Misconfigured("the password is x", hint="y"))
    assert (refusal.status, refusal.headers) == (500, {})
    assert refusal.body == {"code": "misconfigured", "message": "the service is not configured correctly"}


def test_a_hint_is_told() -> None:
    """Where there is one."""
    error = rightkey.TokenRejected("issuer_not_trusted", "no", hint="the slash")
    assert BEARER.refusal(error).body["hint"] == "the slash"


def test_a_choice_requires_none_of_its_scopes() -> None:
    """`scope` cannot say `or`."""
    assert scopes_of(all_of("a", all_of("b", "a"), role("admin"), any_of("c", "d"))) == ("a", "b")
    assert scopes_of(None) == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"carriers": ()},
        {"carriers": ["cookie"]},
        {"realm": 'a"b'},
        {"realm": "a\r\nb"},
        *({"carriers": None}, {"carriers": 5}, {"realm": 5}, {"realm": b"a"}, {"resource_metadata": 5}),
        {"resource_metadata": "http://api.example/"},
        {"resource_metadata": 'https://api.example/"'},
    ],
)
def test_what_a_header_cannot_hold_is_told_at_once(settings: dict[str, object]) -> None:
    """And not when the first request comes."""
    with pytest.raises(rightkey.Misconfigured):
        Bearer(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [header, cookie, query])
def test_a_carrier_has_a_name(make: type[Carrier]) -> None:
    """That a header can hold."""
    for name in ("", "a b", "a\r\n", "a;b"):
        with pytest.raises(rightkey.Misconfigured):
            make(name)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/v1", "https://api.example/.well-known/oauth-protected-resource/v1"),
    ],
)
def test_the_metadata_of_a_resource_lie_at_a_path_of_the_host(resource: str, url: str) -> None:
    """RFC 9728, section 3.1: the well-known path stands before the resource's own."""
    api = ProtectedResource(resource, ["https://issuer.example/"], ["read:x"], name="An API")
    assert (api.url, api.path) == (url, url.removeprefix("https://api.example"))
    assert api.document == {
        "resource": resource,
        "authorization_servers": ["https://issuer.example/"],
        "scopes_supported": ["read:x"],
        "bearer_methods_supported": ["header"],
        "resource_name": "An API",
    }
    assert ProtectedResource(resource).document.keys() == {"resource", "bearer_methods_supported"}


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("dpop_required", "false", "must be True or False"),
        ("certificate_bound", None, "must be True or False"),
        ("scopes", "read:x write:x", "must be a list of strings"),
        ("authorization_servers", "https://issuer.example", "must be a list of strings"),
        ("dpop_algorithms", [256], "must be a list of strings"),
    ],
)
def test_the_settings_of_a_resource_are_of_their_kinds(name: str, wrong: Any, told: str) -> None:
    """One text would be published as its letters, and `false` as true."""
    with pytest.raises(rightkey.Misconfigured, match=f"{name} {told}"):
        ProtectedResource("https://api.example.com", **{name: wrong})


def test_the_metadata_of_a_resource_say_how_its_tokens_are_bound() -> None:
    """RFC 9728, section 2; what is said of DPoP may be the verifier's to tell."""
    api = ProtectedResource("https://api.example", certificate_bound=True)
    assert api.document["tls_client_certificate_bound_access_tokens"] is True
    how: dict[str, Any] = {"audience": "a", "keys": rightkey.KeySet(()), "dpop": rightkey.DPoP(["ES256"])}
    told = [
        api.beside(rightkey.Verifier("i", sender=sender, origin=origin, **how)).document
        for sender, origin in (
            ("checked", "https://api.example"),
            ("bound", "https://api.example"),
            ("bound", None),
        )
    ]
    assert [one.get("dpop_signing_alg_values_supported") for one in told] == [["ES256"], ["ES256"], None]
    assert [one.get("dpop_bound_access_tokens_required") for one in told] == [None, True, None]
    assert all(one["tls_client_certificate_bound_access_tokens"] for one in told)


@pytest.mark.parametrize(
    "resource", ["http://api.example", "https://api.example?a", "https://api.example#a", "api", None, b"a"]
)
def test_a_resource_is_an_https_url(resource: Any) -> None:
    """Without a query or fragment."""
    with pytest.raises(rightkey.Misconfigured):
        ProtectedResource(resource)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dpop_required": "false"},
        {"certificate_bound": None},
        {"authorization_servers": "https://issuer.example/"},
        {"authorization_servers": [b"https://issuer.example/"]},
        {"scopes": "read:x"},
        {"dpop_algorithms": None},
        {"name": 5},
    ],
)
def test_what_a_resource_says_of_itself_has_its_type(wrong: dict[str, Any]) -> None:
    """The text `false` is true to Python, and a string is a list of letters: both would be published."""
    with pytest.raises(rightkey.Misconfigured, match=next(iter(wrong))):
        ProtectedResource("https://api.example", **wrong)

"""How the local issuer's answer to a sign-in reaches the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest

from rightkey.localissuer import DRESSES, Client, LocalIssuer

pytest.importorskip("authlib")

BACK = "http://127.0.0.1:9/back"
TYPES = ["code", "id_token", "id_token token", "token id_token", "code id_token", "code id_token token"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(dress="plain", algorithm="ES256", clients=[Client("app", "secret")]) as issuer:
        yield issuer


def asked(issuer: LocalIssuer, **given: Any) -> httpx.Response:
    """The answer to a person who signs in at once."""
    known = {"client_id": "app", "redirect_uri": BACK, "scope": "openid", "nonce": "n", "state": "s&1"}
    known |= {"prompt": "none", "login_hint": "alice"}
    params = {name: value for name, value in (known | given).items() if value is not None}
    return httpx.get(issuer.urls["authorize"], params=params, trust_env=False, verify=False, timeout=60)


def brought(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """By which mode, and what."""
    if answer.status_code == 200:
        assert unescape(re.findall('action="([^"]*)"', answer.text)[0]) == BACK
        fields = re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', answer.text)
        return "form_post", {unescape(name): unescape(value) for name, value in fields}
    assert answer.status_code == 302
    parts = urlsplit(answer.headers["location"])
    assert parts._replace(query="", fragment="").geturl() == BACK
    assert not (parts.query and parts.fragment)
    return (
        ("fragment", dict(parse_qsl(parts.fragment)))
        if parts.fragment
        else ("query", dict(parse_qsl(parts.query)))
    )


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("mode", [None, "fragment", "form_post"])
def test_each_type_comes_in_each_mode(issuer: LocalIssuer, types: str, mode: str | None) -> None:
    """What was asked for and nothing else, with the state; a code by default in the query, tokens in the
    fragment (OAuth 2.0 Multiple Response Types, section 5)."""
    by, found = brought(asked(issuer, response_type=types, response_mode=mode))
    assert by == (mode or ("query" if types == "code" else "fragment"))
    names = {
        "code": {"code"},
        "id_token": {"id_token"},
        "token": {"access_token", "token_type", "expires_in"},
    }
    assert found.keys() == set().union(*(names[one] for one in types.split()), {"state"})
    assert found["state"] == "s&1"


@pytest.mark.parametrize("types", TYPES[1:])
def test_the_id_token_vouches_for_what_comes_beside_it(issuer: LocalIssuer, types: str) -> None:
    """By its hashes, and it holds the nonce; the code is good for tokens."""
    _, found = brought(asked(issuer, response_type=types))
    claims = jwt.decode(found["id_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("alice", "app", "n")
    assert ("c_hash" in claims, "at_hash" in claims) == ("code" in types.split(), "token" in types.split())
    if "code" in found:
        form = {"grant_type": "authorization_code", "code": found["code"], "redirect_uri": BACK}
        answer = httpx.post(
            issuer.urls["token"], data=form, auth=("app", "secret"), trust_env=False, verify=False, timeout=60
        )
        assert answer.json().keys() >= {"access_token", "id_token"}


@pytest.mark.parametrize("mode", ["web_message", "bogus", "", "FRAGMENT", "query.jwt", "form_post fragment"])
@pytest.mark.parametrize("types", ["code", "id_token"])
def test_another_mode_is_an_invalid_request(issuer: LocalIssuer, types: str, mode: str) -> None:
    """Sent back by the type's own mode, without a code or token."""
    by, found = brought(asked(issuer, response_type=types, response_mode=mode))
    assert by == ("query" if types == "code" else "fragment")
    assert (found["error"], found["state"]) == ("invalid_request", "s&1")
    assert found.keys() <= {"error", "error_description", "state"}


@pytest.mark.parametrize("types", TYPES[1:])
def test_tokens_are_never_put_into_the_query(issuer: LocalIssuer, types: str) -> None:
    """There servers and logs see them (OAuth 2.0 Multiple Response Types, section 5)."""
    by, found = brought(asked(issuer, response_type=types, response_mode="query"))
    assert (by, found["error"]) == ("fragment", "invalid_request")


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"login_hint": None}, "login_required"),
        ({"prompt": None, "decision": "deny"}, "access_denied"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_errors_come_by_the_mode_too(
    issuer: LocalIssuer, mode: str, wrong: dict[str, Any], error: str
) -> None:
    """With the state, so that the client knows which sign-in failed."""
    by, found = brought(asked(issuer, response_type="code", response_mode=mode, **wrong))
    assert (by, found["error"], found["state"]) == (mode, error, "s&1")


@pytest.mark.parametrize("missing", ["nonce", "scope"])
def test_an_id_token_needs_a_nonce_and_openid(issuer: LocalIssuer, missing: str) -> None:
    """OpenID Connect Core 1.0, section 3.2.2.1."""
    _, found = brought(asked(issuer, response_type="id_token", **{missing: None}))
    assert found["error"] in ("invalid_request", "invalid_scope")


@pytest.mark.parametrize("uri", ["com.example.app:/back", "javascript:alert(1)"])
def test_a_form_is_sent_over_http_alone(issuer: LocalIssuer, uri: str) -> None:
    """To another scheme it would be an application's, or a script of this origin."""
    answer = asked(issuer, response_type="code", response_mode="form_post", redirect_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_form_escapes_what_it_sends(issuer: LocalIssuer) -> None:
    """And its policy allows its own script alone."""
    state = '"><script>alert(1)</script>'
    answer = asked(issuer, response_type="code", response_mode="form_post", state=state)
    assert "alert(1)</script>" not in answer.text
    assert brought(answer)[1]["state"] == state
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("dress", [*DRESSES])
def test_metadata_tell_of_types_and_modes(dress: str) -> None:
    """In every dress."""
    with LocalIssuer(dress=dress, algorithm="ES256") as issuer:
        found = httpx.get(issuer.urls["discovery"], trust_env=False, verify=False, timeout=60).json()
    assert found["response_modes_supported"] == ["query", "fragment", "form_post"]
    assert set(found["response_types_supported"]) == set(TYPES) - {"token id_token"}
    assert "client_secret_jwt" in found["token_endpoint_auth_methods_supported"]


def test_an_id_token_is_no_access_token_by_its_type_either() -> None:
    """Where access tokens are `at+jwt` (RFC 9068, section 2.1)."""
    with LocalIssuer(dress="plain", algorithm="ES256", typ="at+jwt") as issuer:
        _, found = brought(asked(issuer, response_type="id_token token"))
        types = [jwt.get_unverified_header(found[name])["typ"] for name in ("id_token", "access_token")]
    assert types == ["JWT", "at+jwt"]

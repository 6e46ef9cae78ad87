"""OAuth's grants at the local issuer, over real sockets and with other people's clients."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from tests.conftest import Clock

from rightkey import Verifier
from rightkey.localissuer import DRESSES, Client, LocalIssuer, Sender

pytest.importorskip("authlib")
pytest.importorskip("requests_oauthlib")
from authlib.integrations.httpx_client import OAuth2Client
from requests_oauthlib import OAuth2Session

NOW = 1_900_000_000.0
BACK = "http://127.0.0.1:9/back"
ME = ("me", "secret")


@pytest.fixture
def time() -> Clock:
    return Clock(NOW)


@pytest.fixture
def issuer(time: Clock) -> Iterator[LocalIssuer]:
    with LocalIssuer(dress="plain", algorithm="ES256", clock=time) as issuer:
        yield issuer


def post(
    issuer: LocalIssuer, endpoint: str, auth: tuple[str, str] | None = ME, **data: str
) -> httpx.Response:
    return httpx.post(issuer.urls[endpoint], data=data, auth=auth, trust_env=False, verify=False, timeout=60)


def get(url: str, **settings: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, verify=False, timeout=60, **settings)


def read(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def authorize(issuer: LocalIssuer, **asked: str) -> httpx.Response:
    """Ask for a code, without a page unless `prompt` says otherwise."""
    given = {"response_type": "code", "client_id": "me", "redirect_uri": BACK, "prompt": "none"}
    return get(f"{issuer.urls['authorize']}?{urlencode(given | {'login_hint': 'alice'} | asked)}")


def sent_back(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def code(issuer: LocalIssuer, **asked: str) -> str:
    return sent_back(authorize(issuer, **asked))["code"]


def tokens(issuer: LocalIssuer, **asked: str) -> dict[str, Any]:
    """What a whole sign-in brings."""
    given = {"grant_type": "authorization_code", "code": code(issuer, **asked), "redirect_uri": BACK}
    answer = post(issuer, "token", **given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def filled(page: httpx.Response, **typed: str) -> dict[str, str]:
    """The fields of a page's form, as a browser would send them."""
    fields = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input[^>]*name="([^"]*)" value="([^"]*)"', page.text)
    }
    return fields | typed


def test_client_credentials(issuer: LocalIssuer) -> None:
    """The token is for the client itself; there is no refresh token and no ID token."""
    answer = post(issuer, "token", grant_type="client_credentials", scope="read:x openid")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    brought = answer.json()
    assert brought.keys() == {"access_token", "token_type", "expires_in", "scope"}
    claims = read(brought["access_token"])
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("me", "me", "read:x openid")
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (issuer.audience, 3600)


def test_what_grants_bring_verifies() -> None:
    """By our own verifier and by PyJWT's client, over the network, at the real time."""
    with LocalIssuer(dress="keycloak", algorithm="ES256") as issuer:
        token = post(issuer, "token", grant_type="client_credentials").json()["access_token"]
        assert Verifier(issuer.url, audience=issuer.audience).verify(token).subject == "me"
        key = jwt.PyJWKClient(issuer.urls["jwks"]).get_signing_key_from_jwt(token)
        assert jwt.decode(token, key, audience=issuer.audience, issuer=issuer.url, algorithms=["ES256"])


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_the_audience_is_asked_for(issuer: LocalIssuer, name: str) -> None:
    """As Auth0 has it, and by RFC 8707."""
    answer = post(issuer, "token", grant_type="client_credentials", **{name: "https://other.example"})
    assert read(answer.json()["access_token"])["aud"] == "https://other.example"


def test_a_json_body_is_read_as_well(issuer: LocalIssuer) -> None:
    """Auth0 takes it; what is no JSON asks for nothing."""
    body = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "x", "odd": 1}
    answer = httpx.post(issuer.urls["token"], json=body, trust_env=False, verify=False, timeout=60)
    assert answer.status_code == 200
    broken = httpx.post(
        issuer.urls["token"],
        content=b"{",
        headers={"content-type": "application/json"},
        trust_env=False,
        timeout=60,
        verify=False,
    )
    assert (broken.status_code, broken.json()["error"]) == (400, "unsupported_grant_type")


def test_a_token_is_bound_to_the_proof_that_asked_for_it(issuer: LocalIssuer) -> None:
    """RFC 9449, section 5: by its type and `cnf`; a bad proof brings none."""
    sender, url = Sender(clock=issuer.clock), issuer.urls["token"]

    def ask(*proof: str) -> httpx.Response:
        headers = [("dpop", one) for one in proof]
        data = {"grant_type": "client_credentials"}
        return httpx.post(url, data=data, auth=ME, headers=headers, trust_env=False, timeout=60)

    answer = ask(sender.proof("POST", url)).json()
    assert answer["token_type"] == "DPoP"
    assert read(answer["access_token"])["cnf"] == sender.cnf
    assert read(ask().json()["access_token"]).keys().isdisjoint({"cnf"})
    for bad in (sender.proof("GET", url), sender.proof("POST", BACK), "a.b.c"):
        refused = ask(bad)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")


def test_without_a_secret_there_are_no_client_credentials(issuer: LocalIssuer) -> None:
    """RFC 6749, section 4.4: only confidential clients."""
    answer = post(issuer, "token", auth=None, grant_type="client_credentials", client_id="me")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_credentials_that_are_no_text(issuer: LocalIssuer) -> None:
    """Are a bad request, and no more."""
    headers = {"authorization": "Basic //86eA=="}
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(
        issuer.urls["token"], data=form, headers=headers, trust_env=False, verify=False, timeout=60
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_refresh_tokens_outlive_a_restart(tmp_path: Path) -> None:
    """Where there is a file to keep them in."""
    options: dict[str, Any] = {"dress": "plain", "algorithm": "ES256", "state": tmp_path / "state.db"}
    with LocalIssuer(**options) as before:
        refresh = tokens(before)["refresh_token"]
    with LocalIssuer(**options) as after:
        assert post(after, "token", grant_type="refresh_token", refresh_token=refresh).status_code == 200
    assert refresh.encode() not in (tmp_path / "state.db").read_bytes()


def test_listed_clients_are_the_only_ones() -> None:
    """With their secrets and redirect URIs; a public one has no secret."""
    listed = [Client("web", "right", (BACK,)), Client("app")]
    with LocalIssuer(dress="plain", algorithm="ES256", clients=listed) as issuer:
        ask = {"grant_type": "client_credentials"}
        assert post(issuer, "token", ("web", "right"), **ask).status_code == 200
        for wrong in (("web", "wrong"), ("other", "right")):
            assert post(issuer, "token", wrong, **ask).json()["error"] == "invalid_client"
        assert post(issuer, "token", None, client_id="app", **ask).status_code == 401
        assert authorize(issuer, client_id="web").status_code == 302
        astray = authorize(issuer, client_id="web", redirect_uri="http://127.0.0.1:9/other")
        assert (astray.status_code, astray.json()["error"]) == (400, "invalid_request")
        assert authorize(issuer, client_id="other").json()["error"] == "invalid_client"
        unsaid = {"response_type": "code", "client_id": "web", "prompt": "none", "login_hint": "x"}
        assert "code" in sent_back(get(f"{issuer.urls['authorize']}?{urlencode(unsaid)}"))


def test_a_sign_in_by_one_click(issuer: LocalIssuer) -> None:
    """The page keeps what was asked, escaped; the button alone suffices; the ID token says who and when."""
    page = authorize(issuer, prompt="", login_hint="", state='"><script>', scope="openid", nonce="n-1")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    form = filled(page, decision="allow", login_claims='{"role": "admin", "key": 1}')
    assert form["login_sub"] == "alice"
    answer = httpx.post(page.url, data=form, trust_env=False, verify=False, timeout=60)
    back = sent_back(answer)
    assert back["state"] == '"><script>'
    given = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK}
    brought = post(issuer, "token", **given).json()
    who = read(brought["id_token"])
    assert (who["sub"], who["aud"], who["nonce"], who["role"]) == ("alice", "me", "n-1", "admin")
    assert who["auth_time"] == NOW
    assert who["at_hash"]
    assert read(brought["access_token"])["role"] == "admin"


def test_a_sign_in_may_be_refused(issuer: LocalIssuer) -> None:
    """The client hears of it, with its state."""
    page = authorize(issuer, prompt="", state="s")
    answer = httpx.post(
        page.url, data=filled(page, decision="deny"), trust_env=False, verify=False, timeout=60
    )
    assert sent_back(answer) == {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request",
        "state": "s",
    }


def test_claims_that_are_no_json_are_asked_for_again(issuer: LocalIssuer) -> None:
    """Nothing typed is lost."""
    page = authorize(issuer, prompt="")
    form = filled(page, decision="allow", login_claims="[1]", login_sub="bob")
    again = httpx.post(page.url, data=form, trust_env=False, verify=False, timeout=60)
    assert again.status_code == 400
    assert "not a JSON object" in again.text
    assert filled(again)["login_sub"] == "bob"
    assert ">[1]</textarea>" in again.text


def test_prompt_none_needs_a_hint(issuer: LocalIssuer) -> None:
    """There are no sessions: without `login_hint` a person would have to sign in."""
    answer = sent_back(authorize(issuer, login_hint="", state="s"))
    assert (answer["error"], answer["state"]) == ("login_required", "s")


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": "c" * 43, "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
def test_bad_requests_are_sent_back(issuer: LocalIssuer, asked: dict[str, str], error: str) -> None:
    """To the client, which can do something about them."""
    assert sent_back(authorize(issuer, **asked))["error"] == error


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "/back",
        "http://x/a b",
        "http://x/\r\nX: y",
        "http://[",
        "http://x/#f",
        "http://é/",
    ],
)
def test_people_are_not_sent_where_no_client_is(issuer: LocalIssuer, uri: str) -> None:
    """A redirect URI is absolute, and neither a script nor a piece of a header."""
    answer = authorize(issuer, redirect_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "location" not in answer.headers


def test_a_response_type_that_cannot_be_quoted(issuer: LocalIssuer) -> None:
    """Authlib's words for it would be malformed; the answer is not."""
    answer = authorize(issuer, response_type='"\\')
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_a_public_client_proves_that_the_code_is_its_own(issuer: LocalIssuer, method: str) -> None:
    """PKCE (RFC 7636): the verifier must be there and right."""
    verifier = secrets.token_urlsafe(48)
    session = OAuth2Client(
        "me", code_challenge_method="S256", redirect_uri=BACK, trust_env=False, verify=False, timeout=60
    )
    given = {"prompt": "none", "login_hint": "bob"}
    if method == "S256":
        url, _ = session.create_authorization_url(issuer.urls["authorize"], code_verifier=verifier, **given)
    else:
        given |= {"code_challenge": verifier, "code_challenge_method": "plain"}
        url, _ = session.create_authorization_url(issuer.urls["authorize"], **given)
    ask = {"grant_type": "authorization_code", "redirect_uri": BACK, "client_id": "me"}
    for wrong, error in ((None, "invalid_request"), ("w" * 43, "invalid_grant")):
        extra = {} if wrong is None else {"code_verifier": wrong}
        answer = post(issuer, "token", None, code=sent_back(get(url))["code"], **ask, **extra)
        assert answer.json()["error"] == error
    right = post(issuer, "token", None, code=sent_back(get(url))["code"], code_verifier=verifier, **ask)
    assert read(right.json()["access_token"])["sub"] == "bob"


def test_authlibs_client_from_metadata_to_user_info() -> None:
    """Discovery, code with PKCE, user info, refresh and revocation, as an app would do them."""
    with LocalIssuer(dress="okta", algorithm="ES256") as issuer:
        metadata = get(issuer.urls["discovery"]).json()
        session = OAuth2Client(
            "app",
            token_endpoint_auth_method="none",
            code_challenge_method="S256",
            scope="openid offline_access",
            redirect_uri=BACK,
            trust_env=False,
            verify=False,
            timeout=60,
        )
        verifier = secrets.token_urlsafe(48)
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, prompt="none", login_hint="carol"
        )
        back = get(url).headers["location"]
        brought = session.fetch_token(
            metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
        )
        assert brought["scope"] == "openid offline_access"
        assert session.get(metadata["userinfo_endpoint"]).json() == {"sub": "carol"}
        fresh = session.refresh_token(metadata["token_endpoint"])
        assert fresh["refresh_token"] != brought["refresh_token"]
        session.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"])
        ask = {"grant_type": "refresh_token", "refresh_token": fresh["refresh_token"], "client_id": "app"}
        assert post(issuer, "token", None, **ask).json()["error"] == "invalid_grant"


def test_requests_oauthlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library's way through the same code, over plain http, which it wants to be told of."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with LocalIssuer(dress="auth0", algorithm="ES256") as issuer:
        session = OAuth2Session("web", redirect_uri=BACK, scope=["openid"])
        url, _ = session.authorization_url(issuer.urls["authorize"], prompt="none", login_hint="dave")
        brought = session.fetch_token(
            issuer.urls["token"],
            authorization_response=get(url).headers["location"],
            client_secret="any",
        )
        assert read(brought["id_token"])["sub"] == "dave"
        assert "refresh_token" not in brought  # Auth0 gives one for offline_access alone


def test_a_code_is_for_one_use(issuer: LocalIssuer, time: Clock) -> None:
    """The second use is refused, and takes back what the first brought; so is one that is too old."""
    once = code(issuer, scope="openid")
    ask = {"grant_type": "authorization_code", "code": once, "redirect_uri": BACK}
    brought = post(issuer, "token", **ask).json()
    assert post(issuer, "token", **ask).json()["error"] == "invalid_grant"
    refresh = {"grant_type": "refresh_token", "refresh_token": brought["refresh_token"]}
    assert post(issuer, "token", **refresh).json()["error"] == "invalid_grant"
    late = code(issuer)
    time.now += 300
    assert post(issuer, "token", **ask | {"code": late}).json()["error"] == "invalid_grant"


def test_what_can_no_longer_be_used_is_removed(issuer: LocalIssuer, time: Clock) -> None:
    """Codes after minutes, what belongs to a device with it, refresh tokens after a month; not before."""
    old = tokens(issuer, scope="openid")
    device = post(issuer, "device", None, client_id="tv").json()
    kept = {kind: len(issuer.shelf.all(kind)) for kind in ("code", "refresh", "device", "user-code")}
    assert kept == {"code": 1, "refresh": 1, "device": 1, "user-code": 1}
    time.now += 300
    spent = code(issuer)
    assert len(issuer.shelf.all("code")) == 1
    time.now += 1500
    assert issuer.shelf.all("user-code").keys() == {device["user_code"]}
    code(issuer)
    assert (issuer.shelf.all("device"), issuer.shelf.all("user-code")) == ({}, {})
    late = {"grant_type": "authorization_code", "code": spent, "redirect_uri": BACK}
    assert post(issuer, "token", **late).json()["error"] == "invalid_grant"
    refresh = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    young = post(issuer, "token", **refresh).json()["refresh_token"]
    time.now += 30 * 86400 - 1
    again = post(issuer, "token", **refresh | {"refresh_token": young})
    assert again.status_code == 200
    assert len(issuer.shelf.all("refresh")) == 2


def test_a_code_is_for_one_client_and_one_place(issuer: LocalIssuer) -> None:
    """Another client, or another redirect URI, gets nothing for it."""
    ask = {"grant_type": "authorization_code", "redirect_uri": BACK}
    assert post(issuer, "token", ("other", "x"), code=code(issuer), **ask).json()["error"] == "invalid_grant"
    elsewhere = ask | {"redirect_uri": "http://127.0.0.1:9/elsewhere"}
    assert post(issuer, "token", code=code(issuer), **elsewhere).json()["error"] == "invalid_grant"


def test_refresh_tokens_rotate(issuer: LocalIssuer) -> None:
    """Each use brings a new one with what was granted, though less may be asked for; never more."""
    first = tokens(issuer, scope="openid a b")
    ask = {"grant_type": "refresh_token"}
    second = post(issuer, "token", refresh_token=first["refresh_token"], scope="a", **ask).json()
    assert second["scope"] == "a"
    third = post(issuer, "token", refresh_token=second["refresh_token"], **ask).json()
    assert third["scope"] == "openid a b"
    assert read(third["id_token"])["sub"] == "alice"
    more = post(issuer, "token", refresh_token=third["refresh_token"], scope="c", **ask)
    assert more.json()["error"] == "invalid_scope"


def test_reuse_of_a_refresh_token_withdraws_the_family(issuer: LocalIssuer) -> None:
    """RFC 9700, section 4.14.2: the newest one is worth nothing then, in the hands of a thief or not."""
    first = tokens(issuer)["refresh_token"]
    other = tokens(issuer)["refresh_token"]
    ask = {"grant_type": "refresh_token"}
    second = post(issuer, "token", refresh_token=first, **ask).json()["refresh_token"]
    for spent in (first, second):
        assert post(issuer, "token", refresh_token=spent, **ask).json()["error"] == "invalid_grant"
    assert post(issuer, "token", refresh_token=other, **ask).status_code == 200


def test_keycloaks_refresh_token_is_a_jwt_and_no_access_token(time: Clock) -> None:
    """keycloak-js takes it apart; its signature is by no key that is published, and nothing accepts it."""
    with LocalIssuer(dress="keycloak", algorithm="ES256", clock=time) as issuer:
        token = tokens(issuer, scope="openid")["refresh_token"]
        claims = read(token)
        assert (claims["sub"], claims["typ"], claims["azp"]) == ("alice", "Refresh", "me")
        assert claims["exp"] == NOW + 30 * 86400
        as_bearer = {"authorization": f"Bearer {token}"}
        assert get(issuer.urls["userinfo"], headers=as_bearer).status_code == 401
        verifier = Verifier(issuer.url, audience=issuer.url, transport=issuer.transport(), clock=time)
        assert verifier.explain(token).error is not None
        first = post(issuer, "token", grant_type="refresh_token", refresh_token=token).json()
        assert first["refresh_token"] != token
        assert "error" in post(issuer, "token", grant_type="refresh_token", refresh_token=token).json()


def test_a_device_is_connected(issuer: LocalIssuer, time: Clock) -> None:
    """RFC 8628: pending, too fast, pending, connected; and its code is for one use."""
    asked = post(issuer, "device", None, client_id="tv", scope="openid", audience="https://tv.example").json()
    assert asked["verification_uri"] == issuer.urls["activate"]
    ask = {"device_code": asked["device_code"], "client_id": "tv"}
    ask["grant_type"] = "urn:ietf:params:oauth:grant-type:device_code"

    def error() -> str:
        return str(post(issuer, "token", None, **ask).json()["error"])

    assert error() == "authorization_pending"
    assert error() == "slow_down"
    time.now += 5
    assert error() == "authorization_pending"
    page = get(asked["verification_uri_complete"])
    form = filled(page, decision="allow", login_sub="erin")
    assert form["user_code"] == asked["user_code"]
    lower = form | {"user_code": asked["user_code"].lower()}
    assert (
        "Connected"
        in httpx.post(issuer.urls["activate"], data=lower, trust_env=False, verify=False, timeout=60).text
    )
    brought = post(issuer, "token", None, **ask).json()
    assert read(brought["id_token"])["sub"] == "erin"
    assert read(brought["access_token"])["aud"] == "https://tv.example"
    assert error() == "invalid_request"
    refresh = {"grant_type": "refresh_token", "refresh_token": brought["refresh_token"], "client_id": "tv"}
    assert post(issuer, "token", None, **refresh).status_code == 200


def test_a_device_may_be_refused(issuer: LocalIssuer, time: Clock) -> None:
    """And is not connected by another client, by an unknown code, by nonsense, or too late."""
    asked = post(issuer, "device", None, client_id="tv").json()
    ask = {"device_code": asked["device_code"], "client_id": "tv"}
    ask["grant_type"] = "urn:ietf:params:oauth:grant-type:device_code"
    assert post(issuer, "token", None, **ask | {"client_id": "pc"}).json()["error"] == "unauthorized_client"

    def typed(**form: str) -> httpx.Response:
        return httpx.post(
            issuer.urls["activate"],
            data={"decision": "allow"} | form,
            trust_env=False,
            verify=False,
            timeout=60,
        )

    assert "No device waits" in typed(user_code="AAAA-AAAA").text
    assert "not a JSON object" in typed(user_code=asked["user_code"], login_claims="x").text
    assert "Refused" in typed(user_code=asked["user_code"], decision="deny").text
    assert "No device waits" in typed(user_code=asked["user_code"]).text
    assert post(issuer, "token", None, **ask).json()["error"] == "access_denied"
    late = post(issuer, "device", None, client_id="tv").json()
    time.now += 1800
    assert "No device waits" in typed(user_code=late["user_code"]).text
    assert post(issuer, "token", None, **ask | {"device_code": late["device_code"]}).status_code == 400


def test_user_info(issuer: LocalIssuer, time: Clock) -> None:
    """What a token says of the person, for any access token minted here that holds."""
    token = issuer.token(sub="alice", email="a@example.com", scope="openid")
    ask = {"headers": {"authorization": f"Bearer {token}"}}
    assert get(issuer.urls["userinfo"], **ask).json() == {"sub": "alice", "email": "a@example.com"}
    by_form = post(issuer, "userinfo", None, access_token=token)
    assert by_form.json()["sub"] == "alice"
    signed_in = issuer.token(sub="alice", client_id="me", auth_time=1)  # RFC 9068, section 2.2.1
    assert post(issuer, "userinfo", None, access_token=signed_in).status_code == 200
    time.now += 3600
    late = get(issuer.urls["userinfo"], **ask)
    assert (late.status_code, late.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize(
    "name", ["alg-none", "hs-pubkey", "tampered-payload", "wrong-key", "wrong-issuer", "nested-jwe"]
)
def test_forged_tokens_are_worth_nothing_here_either(issuer: LocalIssuer, name: str) -> None:
    """Not for user info, and not for introspection."""
    token = issuer.attack(name, sub="mallory")
    assert get(issuer.urls["userinfo"], headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert post(issuer, "introspect", token=token).json() == {"active": False}


@pytest.mark.parametrize("asked", [{}, {"nonce": "n"}])
def test_an_id_token_is_no_access_token(issuer: LocalIssuer, asked: dict[str, str]) -> None:
    """It says who signed in, and opens nothing."""
    id_token = tokens(issuer, scope="openid", **asked)["id_token"]
    answer = get(issuer.urls["userinfo"], headers={"authorization": f"Bearer {id_token}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert post(issuer, "introspect", token=id_token).json() == {"active": False}


def test_introspection_and_revocation(issuer: LocalIssuer) -> None:
    """Both kinds of token; who asks must authenticate, and may revoke what is its own."""
    brought = tokens(issuer, scope="openid")
    for kind in ("access_token", "refresh_token"):
        told = post(issuer, "introspect", token=brought[kind]).json()
        assert (told["active"], told["sub"], told["client_id"]) == (True, "alice", "me")
        assert post(issuer, "revoke", ("other", "x"), token=brought[kind]).json()["error"] == "invalid_grant"
        assert post(issuer, "revoke", token=brought[kind], token_type_hint=kind).status_code == 200
        assert post(issuer, "introspect", token=brought[kind]).json() == {"active": False}
    assert post(issuer, "introspect", None, token=brought["access_token"], client_id="me").status_code == 401
    assert post(issuer, "revoke", token="nonsense").status_code == 200
    without = issuer.token(sub="x", exp=None)
    assert post(issuer, "introspect", token=without).json()["active"] is True
    for claims in ({"exp": "9999999999"}, {"nbf": "0"}, {"exp": 1}, {"nbf": 9999999999}):
        assert post(issuer, "introspect", token=issuer.token(**claims)).json() == {"active": False}


def test_opaque_tokens_are_told_by_introspection_alone(issuer: LocalIssuer) -> None:
    """Until they expire, or are revoked by who manages the issuer or by a client (RFC 7009)."""
    opaque = issuer.opaque(sub="alice", scope="read")
    told = post(issuer, "introspect", token=opaque).json()
    assert (told["active"], told["sub"], told["aud"]) == (True, "alice", issuer.audience)
    issuer.revoke_token(opaque)
    assert post(issuer, "introspect", token=opaque).json() == {"active": False}
    opaque = issuer.opaque(sub="alice")
    assert post(issuer, "revoke", token=opaque).status_code == 200
    assert post(issuer, "introspect", token=opaque).json() == {"active": False}
    expired = issuer.opaque(exp=1)
    assert post(issuer, "introspect", token=expired).json() == {"active": False}


def test_introspection_is_signed_for_whom_asks_for_that(issuer: LocalIssuer) -> None:
    """By the current key, for the client that asked (RFC 9701, section 5)."""
    headers = {"accept": "application/token-introspection+jwt"}
    both = {"accept": f"application/json, {headers['accept']};q=0.5"}
    plain = httpx.post(
        issuer.urls["introspect"],
        data={"token": "x"},
        auth=("me", "secret"),
        headers=both,
        trust_env=False,
        timeout=60,
    )
    assert plain.json() == {"active": False}
    answer = httpx.post(
        issuer.urls["introspect"],
        data={"token": issuer.opaque(sub="alice")},
        auth=("me", "secret"),
        headers=headers,
        trust_env=False,
        timeout=60,
    )
    assert answer.headers["content-type"] == headers["accept"]
    assert jwt.get_unverified_header(answer.text)["typ"] == "token-introspection+jwt"
    claims = jwt.decode(
        answer.text, jwt.PyJWK(issuer.current.public_jwk()), audience="me", options={"verify_iat": False}
    )
    assert (claims["iss"], claims["aud"]) == (issuer.url, "me")
    assert claims["token_introspection"]["sub"] == "alice"


def test_signing_out(issuer: LocalIssuer) -> None:
    """With an ID token's hint refresh tokens go; people are sent back where a client may say so."""
    brought = tokens(issuer, scope="openid")
    ask = {"id_token_hint": brought["id_token"], "post_logout_redirect_uri": BACK, "state": "a&b"}
    answer = get(f"{issuer.urls['logout']}?{urlencode(ask)}")
    assert sent_back(answer) == {"state": "a&b"}
    refresh = {"grant_type": "refresh_token", "refresh_token": brought["refresh_token"]}
    assert post(issuer, "token", **refresh).json()["error"] == "invalid_grant"
    other = tokens(issuer, scope="openid", login_hint="bob")["refresh_token"]
    get(f"{issuer.urls['logout']}?{urlencode(ask)}")
    assert post(issuer, "token", grant_type="refresh_token", refresh_token=other).status_code == 200
    plain = get(issuer.urls["logout"])
    assert (plain.status_code, "Signed out" in plain.text) == (200, True)
    with_query = get(f"{issuer.urls['logout']}?{urlencode({'post_logout_redirect_uri': BACK + '?a=b'})}")
    assert with_query.headers["location"] == f"{BACK}?a=b"
    evil = get(f"{issuer.urls['logout']}?{urlencode({'post_logout_redirect_uri': 'javascript:x'})}")
    assert "location" not in evil.headers


def test_methods(issuer: LocalIssuer) -> None:
    """A token is never asked for by GET."""
    answer = get(issuer.urls["token"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_claims_by_a_template_and_by_a_function() -> None:
    """For access and ID tokens; a function knows which it is asked for."""
    template = {"https://example.com/who": "{sub} at {client_id}", "roles": ["{scope}", 1]}
    with LocalIssuer(dress="plain", algorithm="ES256", claims=template) as issuer:
        claims = read(
            post(issuer, "token", grant_type="client_credentials", scope="a").json()["access_token"]
        )
        assert claims["https://example.com/who"] == "me at me"
        assert claims["roles"] == ["a", 1]
    with LocalIssuer(
        dress="plain", algorithm="ES256", claims=lambda occasion: {"for": occasion.kind}
    ) as issuer:
        brought = tokens(issuer, scope="openid")
        assert [read(brought[name])["for"] for name in ("access_token", "id_token")] == ["access", "id"]


@pytest.mark.parametrize("dress", list(DRESSES))
def test_metadata_promises_what_is_served(dress: str) -> None:
    """Every endpoint it names answers, by something else than 404 or 501."""
    with LocalIssuer(dress=dress, algorithm="ES256") as issuer:
        metadata = get(issuer.urls["discovery"]).json()
        urls = [url for name, url in metadata.items() if name.endswith(("_endpoint", "_uri"))]
        assert len(urls) >= 5
        assert {get(url).status_code for url in urls} <= {200, 400, 401, 405}


def test_endpoints_of_grants_can_misbehave(issuer: LocalIssuer) -> None:
    """And are counted."""
    issuer.misbehave("token", "status", times=1)
    answers = [post(issuer, "token", grant_type="client_credentials").status_code for _ in range(2)]
    assert answers == [503, 200]
    assert issuer.requests["token"] == 2


@pytest.mark.parametrize("fault", ["status", "redirect", "html"])
def test_what_is_answered_in_an_endpoints_place_grants_nothing(issuer: LocalIssuer, fault: str) -> None:
    """So that asking again with the same code is the first use of it."""
    issuer.misbehave("token", fault, times=1)
    given = {"grant_type": "authorization_code", "code": code(issuer), "redirect_uri": BACK}
    assert "access_token" not in post(issuer, "token", **given).text
    assert post(issuer, "token", **given).status_code == 200


def test_pages_of_other_origins_may_ask(issuer: LocalIssuer) -> None:
    """A single-page app reads metadata and keys, and exchanges its code, as at real issuers."""
    page = {"origin": "http://app.test"}
    for endpoint in ("discovery", "jwks"):
        answer = get(issuer.urls[endpoint], headers=page)
        assert answer.headers["access-control-allow-origin"] == "http://app.test"
        assert "access-control-allow-origin" not in get(issuer.urls[endpoint]).headers
    wants = page | {"access-control-request-method": "POST", "access-control-request-headers": "x-one"}
    before = httpx.options(issuer.urls["token"], headers=wants, trust_env=False, verify=False, timeout=60)
    assert (before.status_code, before.content) == (204, b"")
    assert before.headers["access-control-allow-headers"] == "x-one"
    assert "POST" in before.headers["access-control-allow-methods"]
    form = {"grant_type": "client_credentials"}
    after = httpx.post(
        issuer.urls["token"], data=form, auth=ME, headers=page, trust_env=False, verify=False, timeout=60
    )
    assert after.headers["access-control-allow-origin"] == "http://app.test"
    assert (
        httpx.options(
            f"{issuer.url}/nothing", headers=wants, trust_env=False, verify=False, timeout=60
        ).status_code
        == 404
    )


@pytest.mark.slow
def test_without_authlib_the_answer_says_what_to_install() -> None:
    """And nothing else is amiss: keys, tokens and faults need no Authlib."""
    program = (
        "import sys; sys.modules['authlib'] = None\n"
        "from rightkey.localissuer import LocalIssuer\n"
        "from rightkey.localissuer.answers import Request\n"
        "issuer = LocalIssuer(algorithm='ES256')\n"
        "assert issuer.token()\n"
        "answer = issuer.respond(Request('POST', '/oauth/token', {}))\n"
        "print(answer.status, answer.body.decode())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("501 ")
    assert "rightkey[issuer]" in done.stdout


def test_algorithms_that_authlib_does_not_know() -> None:
    """Tokens are signed here, so that any algorithm brings an ID token."""
    with LocalIssuer(dress="plain", algorithm="ML-DSA-44") as issuer:
        brought = tokens(issuer, scope="openid")
        assert "at_hash" not in read(brought["id_token"])
        assert post(issuer, "introspect", token=brought["access_token"]).json()["active"] is True

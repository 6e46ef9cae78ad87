"""Clients of PyPI before the local issuer, unmodified: msal and google-auth-oauthlib."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import jwt
import pytest
import requests

from rightkey import Verifier
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
pytest.importorskip("authlib")
BACK = "http://127.0.0.1:9/back"
PERSON = {"prompt": "none", "login_hint": "zoë"}


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def read(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.fixture
def entra(session: requests.Session) -> Iterator[LocalIssuer]:
    """An issuer in Entra's dress over https, which msal wants."""
    with LocalIssuer(dress="entra", tls=True, algorithm="RS256") as issuer:
        session.verify = str(issuer.ca_file)
        yield issuer


def web(issuer: LocalIssuer, session: requests.Session) -> Any:
    """A web application of msal's."""
    msal = pytest.importorskip("msal")
    application = msal.ConfidentialClientApplication
    return application("web", "any secret", oidc_authority=issuer.url, http_client=session)


def signed_in(app: Any, session: requests.Session) -> dict[str, Any]:
    """What a sign-in brings. The code comes by a form, as msal recommends."""
    flow = app.initiate_auth_code_flow(
        ["api://x/read"], redirect_uri=BACK, response_mode="form_post", **PERSON
    )
    page = session.get(flow["auth_uri"]).text
    fields = re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', page)
    back = {unescape(name): unescape(value) for name, value in fields}
    brought: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, back)
    return brought


def test_msal_signs_in_and_acts_on_behalf_of(entra: LocalIssuer, session: requests.Session) -> None:
    """The service's token is for the person that its caller's is for."""
    app = web(entra, session)
    brought = signed_in(app, session)
    assert brought["id_token_claims"]["sub"] == "zoë"
    verifier = Verifier(entra.url, audience=entra.audience, transport=entra.transport())
    assert verifier.verify(brought["access_token"]).subject == "zoë"
    service = web(entra, session)
    onward = service.acquire_token_on_behalf_of(brought["access_token"], ["api://next/.default"])
    assert read(onward["access_token"])["sub"] == "zoë"
    assert onward["id_token_claims"]["sub"] == "zoë"
    refused = service.acquire_token_on_behalf_of(entra.attack("wrong-key", sub="mallory"), ["api://next/x"])
    assert refused["error"] == "invalid_grant"


def test_msal_renews_and_has_tokens_of_its_own(entra: LocalIssuer, session: requests.Session) -> None:
    """Silently from its cache and by the refresh token, and without a person."""
    app = web(entra, session)
    assert read(app.acquire_token_for_client(["api://x/.default"])["access_token"])["sub"] == "web"
    signed_in(app, session)
    (account,) = app.get_accounts()
    renewed = app.acquire_token_silent(["api://x/read"], account, force_refresh=True)
    assert read(renewed["access_token"])["sub"] == "zoë"


def test_google_auth_oauthlib_signs_in(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and PKCE, a refresh, and the ID token by the keys that it fetches itself."""
    flows = pytest.importorskip("google_auth_oauthlib.flow")
    from google.auth.transport.requests import Request

    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # loopback without TLS
    with LocalIssuer(dress="plain", algorithm="RS256") as issuer:
        urls = issuer.urls
        config = {"client_id": "app", "client_secret": "any", "redirect_uris": [BACK]}
        config |= {"auth_uri": urls["authorize"], "token_uri": urls["token"]}
        flow = flows.Flow.from_client_config({"web": config}, scopes=["openid"], redirect_uri=BACK)
        flow.oauth2session.trust_env = False
        url, _ = flow.authorization_url(**PERSON)
        location = session.get(url, allow_redirects=False).headers["location"]
        flow.fetch_token(authorization_response=location)
        credentials = flow.credentials
        before = credentials.token
        credentials.refresh(Request(session))
        assert credentials.token != before
        key = jwt.PyJWKClient(urls["jwks"]).get_signing_key_from_jwt(credentials.id_token)
        claims = jwt.decode(credentials.id_token, key, algorithms=["RS256"], audience="app")
        assert claims["sub"] == "zoë"

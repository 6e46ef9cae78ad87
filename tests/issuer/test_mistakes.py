"""What people give for an issuer that is none: each is told as what it is, with what to give."""

from __future__ import annotations

import pytest

from rightkey.errors import Misconfigured
from rightkey.issuer.mistakes import document_of, fault_of
from rightkey.issuer.name import Issuer

ENTRA = "https://login.microsoftonline.com/contoso.com"
URLS = {
    "https://a.example/.well-known/openid-configuration": ("metadata", "https://a.example"),
    "https://a.example/t/.well-known/openid-configuration": ("metadata", "https://a.example/t"),
    "https://a.example/.well-known/oauth-authorization-server/t/u": ("metadata", "https://a.example/t/u"),
    "https://a.example/.well-known/openid-configuration/t": ("metadata", "https://a.example/t"),
    "a.example/.well-known/openid-configuration": ("metadata", "https://a.example"),
    "https://a.example/t/.well-known/jwks.json": ("keys", "https://a.example/t"),
    "https://a.example/.well-known/jwks": ("keys", "https://a.example"),
    "https://a.example/oidc/jwks": ("keys", "https://a.example/oidc"),
    "a.example/jwks.json": ("keys", "https://a.example"),
    "https://sso.example/realms/x/protocol/openid-connect/certs": ("keys", "https://sso.example/realms/x"),
    "https://sso.example/realms/x/protocol/openid-connect": ("endpoint", "https://sso.example/realms/x"),
    "https://sso.example/auth/realms/x/protocol/openid-connect/token": (
        "endpoint",
        "https://sso.example/auth/realms/x",
    ),
    f"{ENTRA}/discovery/v2.0/keys": ("keys", f"{ENTRA}/v2.0"),
    f"{ENTRA}/discovery/keys": ("keys", ENTRA),
    f"{ENTRA}/oauth2/v2.0/authorize": ("endpoint", f"{ENTRA}/v2.0"),
    "https://dev-1.okta.com/oauth2/default/v1/keys": ("keys", "https://dev-1.okta.com/oauth2/default"),
    "https://dev-1.okta.com/oauth2/default/v1/token": ("endpoint", "https://dev-1.okta.com/oauth2/default"),
    "https://dev-1.okta.com/oauth2/v1/keys": ("keys", "https://dev-1.okta.com"),
    "https://dev-1.okta.com/oauth2/v1/authorize": ("endpoint", "https://dev-1.okta.com"),
    "https://t.auth0.com/oauth/token": ("endpoint", "https://t.auth0.com"),
    "https://t.auth0.com/authorize": ("endpoint", "https://t.auth0.com"),
    "https://id.example/sts/connect/token": ("endpoint", "https://id.example/sts"),
    "https://a.example/.well-known": ("metadata", "https://a.example"),
}


@pytest.mark.parametrize("url", URLS)
def test_the_url_of_a_document_or_an_endpoint_is_no_issuer(url: str) -> None:
    """The way out names the issuer, and the setting that takes the URL where one does."""
    what, issuer = URLS[url]
    with pytest.raises(Misconfigured, match=f"an issuer's {what}, not the issuer") as caught:
        Issuer.parse(url)
    assert f"'{issuer}'" in str(caught.value.hint)
    settings = {"keys": "keys=", "metadata": "metadata_url=", "endpoint": None}
    for kind, setting in settings.items():
        assert setting is None or (setting in str(caught.value.hint)) is (kind == what)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/oauth2/token",  # the issuer of WSO2, as it comes
        "https://github.example.com/_services/token",
        "https://dev-1.okta.com/oauth2/default",
        "https://sso.example/realms/x",
        "https://a.example/keys",
        "https://a.example/t/authorize",
        "https://a.example",
        "https://login.microsoftonline.com/{tenantid}/v2.0",  # as its metadata state it
    ],
)
def test_an_issuer_that_is_called_like_an_endpoint_is_one(url: str) -> None:
    """Only what no issuer is called is taken for a mistake."""
    assert document_of(url) is None
    assert Issuer.parse(url).name == url


@pytest.mark.parametrize(
    ("name", "told", "hint"),
    [
        ("`a.example`", "in quotes", "leave them out"),
        ("\u201ca.example\u201d", "in quotes", "leave them out"),
        ("RIGHTKEY_ISSUER=https://a.example", "name of a setting", "its value alone"),
        ("issuer: a.example", "name of a setting", "its value alone"),
        ("$ISSUER", "placeholder", "fill it in"),
        ("https://$HOST/realms/x", "placeholder", "fill it in"),
        ("%ISSUER%", "placeholder", "fill it in"),
        ("None", "empty value", "give a domain"),
        ("undefined", "empty value", "give a domain"),
        ("a.example,b.example", "several names", "Verifier.of"),
        ("eu-west-1_AbCdEf", "user pool is no issuer", "cognito-idp.REGION"),
        ("us-gov-west-1_AbCdEf", "user pool is no issuer", "cognito-idp.REGION"),
        ("https://shop.auth.eu-west-1.amazoncognito.com/login", "sign-in page", "cognito-idp.REGION"),
        ("https://dev-1-admin.okta.com", "admin console", "leave out -admin"),
        ("https://manage.auth0.com/dashboard/eu/tenant", "dashboard", "auth0.com/"),
        ("https://portal.azure.com/", "portal", "login.microsoftonline.com"),
        ("https://www.googleapis.com/oauth2/v3/certs", "Google's keys", "accounts.google.com"),
    ],
)
def test_a_name_that_people_mistake_for_the_issuer(name: str, told: str, hint: str) -> None:
    """It would be looked up, and the failure would not say why."""
    with pytest.raises(Misconfigured, match=told) as caught:
        Issuer.parse(name)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "name", ["eyJhbGciOiJub25lIn0.e30.", "https://a.example/eyJhbGciOiJub25lIn0.e30.", 32 * "0f", "aB3-" * 11]
)
def test_a_secret_for_an_issuer_is_not_looked_up(name: str) -> None:
    """It would stand in requests to name servers, and in messages."""
    assert fault_of(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("issuer.example", "https://issuer.example/t", "localhost:8080", "[::1]", "", "my-issuer.example"),
        *("https://a.example/x;y", "https://a.example/$metadata", "null.example", "auth.eu-west-1.example"),
        *("issuer:8080", "my_issuer:8080/realms/x"),
    ],
)
def test_what_is_no_mistake_is_left_to_the_rules(name: str) -> None:
    """Of every URL."""
    assert fault_of(name) is None

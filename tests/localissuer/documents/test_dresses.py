"""The vendors' dresses, held against documents recorded at those vendors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rightkey.localissuer import DRESSES, LocalIssuer
from rightkey.localissuer.answers import Request
from rightkey.localissuer.documents.dresses import dress

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "providers"
DISCOVERY = {
    "auth0": "auth0-us-anonymised",
    "okta": "dev-000000-oktapreview-com-oauth2",
    "entra": "login-microsoftonline-com-9a95fd9e-005d-487a-9a01-d08c1eab27",
    "keycloak": "keycloak-sso-gwdg-de-auth-realms-academiccloud",
    "cognito": "cognito-us-east-1",
}
KEYS = {
    "auth0": "auth0-docs",
    "okta": "okta-default-2023",
    "entra": "entra-tenant-2023",
    "keycloak": "keycloak-demorealm-2023",
    "cognito": "cognito-us-east-1",
}


def served(issuer: LocalIssuer, endpoint: str) -> Any:
    return json.loads(issuer.respond(Request("GET", urlsplit(issuer.urls[endpoint]).path, {})).body)


def recorded(kind: str, name: str) -> Any:
    file = RECORDED / kind / f"{name}.json"
    if not file.exists():
        pytest.skip("needs ../shared/vectors")
    return json.loads(file.read_bytes())


def below(document: dict[str, Any]) -> dict[str, str]:
    """Where each endpoint lies below the tenant, realm or pool."""
    tenant = re.compile(
        r"/(us-east-1_\w+|local-1_\w+|[0-9a-f-]{36}|auth/realms/\w+|realms/\w+|oauth2(/default)?(?=/v1))/"
    )
    urls = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    return {name: tenant.sub("/", urlsplit(url).path, count=1) for name, url in urls.items()}


@pytest.mark.parametrize("name", DISCOVERY)
def test_endpoints_lie_where_the_vendor_has_them(name: str) -> None:
    """All that both metadata documents name, and Entra's user info, which lies at another host there."""
    theirs = below(recorded("discovery", DISCOVERY[name]))
    ours = below(served(LocalIssuer(dress=name, algorithm="ES256"), "discovery"))
    both = ours.keys() & theirs.keys()
    if name == "cognito":  # a document from before it had endpoints for people
        both = {"jwks_uri"}
    assert "jwks_uri" in both
    assert {member: ours[member] for member in both} == {member: theirs[member] for member in both}


@pytest.mark.parametrize("name", ["auth0", "entra", "keycloak"])
def test_metadata_has_no_member_that_the_vendors_has_not(name: str) -> None:
    """It promises less, and nothing else, but that its token endpoint takes proofs of DPoP (RFC 9449, section
    5.1)."""
    ours = served(LocalIssuer(dress=name, algorithm="ES256"), "discovery")
    promised = ours.keys() - {"dpop_signing_alg_values_supported"}
    assert promised <= recorded("discovery", DISCOVERY[name]).keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", KEYS)
def test_keys_look_as_the_vendors_do(name: str) -> None:
    """The same members, and key ids of the same form and length."""
    ours = served(LocalIssuer(dress=name), "jwks")["keys"]
    theirs = recorded("jwks", KEYS[name])["keys"]
    assert ours[0].keys() == theirs[0].keys()
    assert {key.get("use") for key in ours} == {key.get("use") for key in theirs}
    if name != "auth0":  # whose tenants have ids of several forms
        assert {len(key["kid"]) for key in ours} == {len(key["kid"]) for key in theirs}
    assert ("x5t" in ours[0] and ours[0]["kid"] == ours[0]["x5t"]) == (name in ("auth0", "entra"))


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("auth0", "http://127.0.0.1/"),
        ("okta", "http://127.0.0.1/oauth2/default"),
        ("entra", "http://127.0.0.1/00000000-0000-4000-8000-000000000000/v2.0"),
        ("keycloak", "http://127.0.0.1/realms/local"),
        ("cognito", "http://127.0.0.1/local-1_Local0000"),
        ("plain", "http://127.0.0.1"),
    ],
)
def test_issuers_are_named_as_the_vendors_are(name: str, url: str) -> None:
    """With a slash at the end or without; options replace what a dress has."""
    assert LocalIssuer(dress=name).url == url
    assert LocalIssuer(dress=name, path="/t", slash=True).url == "http://127.0.0.1/t/"


def test_documents_are_cached_as_the_vendors_are() -> None:
    """But not where no dress was asked for."""
    ask = Request("GET", "/.well-known/jwks.json", {})
    worn = LocalIssuer(dress="auth0", algorithm="ES256").respond(ask)
    assert worn.headers["cache-control"].startswith("public, max-age=15,")
    assert "cache-control" not in LocalIssuer(algorithm="ES256").respond(ask).headers


def test_options_go_over_the_dress() -> None:
    """Certificates, thumbprints and algorithms of keys."""
    key = served(
        LocalIssuer(dress="okta", algorithm="ES256", certificates=True, x5t="rfc", alg=False), "jwks"
    )
    assert {"x5c", "x5t"} <= key["keys"][0].keys()
    assert "alg" not in key["keys"][0]


def test_there_is_no_other_dress() -> None:
    """The error names those there are."""
    with pytest.raises(ValueError, match=r"expected one of auth0, .* got 'tuxedo'"):
        dress("tuxedo")
    assert all(worn.paths.keys() >= {"jwks", "token", "authorize"} for worn in DRESSES.values())

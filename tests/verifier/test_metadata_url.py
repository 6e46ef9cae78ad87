"""Issuer here, metadata there: `metadata_url=`, through the whole verifier."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rightkey
from rightkey import (
    IssuerMisbehaved,
    IssuerUnavailable,
    KeySet,
    Misconfigured,
    TokenRejected,
    Trust,
    Verifier,
)
from rightkey.exchange import Request, Response
from rightkey.localissuer import LocalIssuer

AT = "https://meta.internal.example/realms/shop/.well-known/openid-configuration"
KEYS = "https://meta.internal.example/realms/shop/keys"
NAMES = ["https://sso.example.com/realms/shop", "http://keycloak:8080/realms/shop", "acme.com", "shop"]


class Documents:
    """A transport that has documents by URL, and notes what it is asked."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = {url: json.dumps(document).encode() for url, document in documents.items()}
        self.asked: list[str] = []

    def get(self, request: Request) -> Response:
        self.asked.append(request.url)
        body = self.documents.get(request.url)
        return Response(404 if body is None else 200, {}, body or b"")


@pytest.fixture(scope="module")
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256")


def documents(issuer: LocalIssuer, stated: str) -> Documents:
    keys = {"keys": [issuer.current.public_jwk()]}
    return Documents({AT: {"issuer": stated, "jwks_uri": KEYS}, KEYS: keys})


@pytest.mark.parametrize("name", NAMES)
def test_the_issuer_is_the_one_that_was_named(issuer: LocalIssuer, name: str) -> None:
    """Its metadata are asked for where it was said, and nowhere else; tokens' `iss` is its name."""
    transport = documents(issuer, name)
    verifier = Verifier(name, audience=issuer.audience, metadata_url=AT, transport=transport)
    assert verifier.verify(issuer.token(iss=name)).issuer == name
    assert transport.asked == [AT, KEYS]
    with pytest.raises(TokenRejected) as caught:
        verifier.verify(issuer.token(iss="https://meta.internal.example/realms/shop"))
    assert caught.value.code == "issuer_not_trusted"


def test_metadata_of_another_issuer_are_refused(issuer: LocalIssuer) -> None:
    """However near their address is."""
    transport = documents(issuer, "https://meta.internal.example/realms/shop")
    verifier = Verifier(NAMES[0], audience=issuer.audience, metadata_url=AT, transport=transport)
    with pytest.raises(IssuerMisbehaved) as caught:
        verifier.prepare()
    assert caught.value.code == "issuer_mismatch"
    with pytest.raises(IssuerUnavailable):
        verifier.verify(issuer.token(iss=NAMES[0]))


def test_a_provider_without_metadata_may_have_some(issuer: LocalIssuer) -> None:
    """What was said counts instead of what is known."""
    name = "https://team.cloudflareaccess.com"
    transport = documents(issuer, name)
    verifier = Verifier(name, audience=issuer.audience, metadata_url=AT, transport=transport)
    assert verifier.verify(issuer.token(iss=name)).issuer == name
    assert transport.asked == [AT, KEYS]


def test_keys_of_ones_own_need_no_metadata() -> None:
    """Both are one too many, but in `FirstOf` beside None."""
    with pytest.raises(Misconfigured, match="metadata_url"):
        Trust("https://a.example", "api", keys=KeySet(()), metadata_url=AT)
    both = rightkey.FirstOf(KeySet(()), None)
    assert Trust("https://a.example", "api", keys=both, metadata_url=AT).expected == ("https://a.example",)


def test_locate_looks_there(issuer: LocalIssuer) -> None:
    """And says where it looked."""
    found = rightkey.locate("shop", metadata_url=AT, transport=documents(issuer, "shop"))
    assert (found.issuer, found.metadata_url, found.jwks_uri) == ("shop", AT, KEYS)


def test_it_is_read_from_the_environment() -> None:
    """`RIGHTKEY_METADATA_URL`; what is wrong with it is told by that name."""
    environ = {"RIGHTKEY_ISSUER": "shop", "RIGHTKEY_AUDIENCE": "api", "RIGHTKEY_METADATA_URL": AT}
    assert Verifier.from_env(environ)._issuer.trust.metadata_url == AT
    with pytest.raises(Misconfigured, match="RIGHTKEY_METADATA_URL"):
        Verifier.from_env(environ | {"RIGHTKEY_METADATA_URL": "http://keycloak/x"})


@pytest.mark.parametrize("url", [AT, "https://a.example/.well-known/oauth-authorization-server/t"])
def test_metadata_are_no_keys(url: str) -> None:
    """The way out names the setting that is meant, before anything is fetched."""
    with pytest.raises(Misconfigured, match="metadata") as caught:
        Verifier("https://a.example", audience="api", keys=url)
    assert "metadata_url=" in str(caught.value.hint)

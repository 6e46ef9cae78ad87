"""What the drill's tokens say: good and bad ones alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rightkey.drill import Target, Tokens
from rightkey.drill.forged import tampered
from rightkey.drill.stage import Stage
from rightkey.jose.base64url import decode
from rightkey.localissuer import ATTACKS, DRESSES, LocalIssuer

NOT_READ = {"nested-jwe", "huge-kid"}
"""Five parts, and a header of 64 KiB: neither says anything of claims that must be alike."""


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload = (json.loads(decode(part.encode())) for part in token.split(".")[:2])
    return header, payload


@pytest.fixture
def issuer() -> LocalIssuer:
    return LocalIssuer(algorithm="ES256", typ="at+jwt")


def staged(issuer: LocalIssuer, tokens: Tokens) -> Stage:
    return Stage(issuer, Target("http://127.0.0.1:9/"), tokens)


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - NOT_READ))
def test_good_and_bad_tokens_say_the_same(issuer: LocalIssuer, name: str) -> None:
    """Or a service refuses the bad one for a subject, scope or type that it does not know."""
    stage = staged(issuer, Tokens(typ="at+jwt", claims={"sub": "bob", "https://x.example/role": "admin"}))
    _, good = read(stage.good())
    header, bad = read(stage.attack(name) if name != "tampered-payload" else tampered(stage))
    assert header["typ"] == ("logout+jwt" if name == "typ-logout" else "at+jwt")
    alike = ("sub", "scope", "client_id", "https://x.example/role")
    assert {claim: bad[claim] for claim in alike} == {claim: good[claim] for claim in alike}
    assert good["sub"] == "bob"
    assert good["jti"] != bad["jti"]


@pytest.mark.parametrize(
    ("dress", "claims"),
    [
        ("auth0", {"azp", "aud"}),
        ("okta", {"cid", "scp", "uid", "aud"}),
        ("entra", {"nbf", "ver", "tid", "oid", "scp", "aud"}),
        ("keycloak", {"typ", "azp", "aud"}),
        ("cognito", {"client_id", "token_use"}),
        ("plain", {"client_id", "jti", "aud"}),
    ],
)
def test_a_dress_has_its_claims(dress: str, claims: set[str]) -> None:
    """Cognito's access tokens have no aud: they name the client in its place."""
    assert dress in DRESSES
    worn = LocalIssuer(algorithm="ES256", dress=dress)
    _, said = read(Tokens(dress).good(worn))
    assert claims <= said.keys()
    assert ("aud" in said) == (dress != "cognito")
    if dress == "entra":
        assert said["tid"] in worn.url
    if dress == "cognito":
        assert said["client_id"] == worn.audience


def test_a_claim_that_is_none_is_left_out(issuer: LocalIssuer) -> None:
    """And what is given counts before what a dress has."""
    _, said = read(Tokens("keycloak", claims={"azp": "mine", "scope": None}).good(issuer))
    assert said["azp"] == "mine"
    assert "scope" not in said


def test_an_issuer_listens_where_it_is_told() -> None:
    """On another address of this machine, and under another name."""
    with LocalIssuer(host="127.0.0.2", algorithm="ES256") as found:
        assert found.url.startswith("http://127.0.0.2:")
    with LocalIssuer(host="127.0.0.2", url="http://issuer.test:8080/", algorithm="ES256") as found:
        assert found.url == "http://issuer.test:8080/"

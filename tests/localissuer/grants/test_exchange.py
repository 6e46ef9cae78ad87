"""Tokens for tokens: RFC 8693, and RFC 7523 as on-behalf-of has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from rightkey.localissuer import ATTACKS, Client, LocalIssuer
from rightkey.localissuer.grants.exchange import ACCESS, ID, JWT, REFRESHING, OnBehalfOf, TokenExchange

pytest.importorskip("authlib")

SERVICE = ("service", "secret")
LENIENT = {"wrong-audience", "typ-logout"}
"""A token is exchanged whatever service it is for, and a logout token is one of this issuer."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    clients = [Client(*SERVICE), Client("app")]
    with LocalIssuer(dress="plain", algorithm="ES256", clients=clients) as issuer:
        yield issuer


@pytest.fixture
def alice(issuer: LocalIssuer) -> str:
    """A token that a service was called with."""
    return issuer.token(sub="alice", client_id="app", scope="a b", email="a@example.com", jti="1")


def asked(
    issuer: LocalIssuer, kind: str, auth: tuple[str, str] | None = SERVICE, **form: str
) -> tuple[int, dict[str, Any]]:
    answer = httpx.post(
        issuer.urls["token"],
        data={"grant_type": kind} | form,
        auth=auth,
        trust_env=False,
        verify=False,
        timeout=60,
    )
    return answer.status_code, answer.json()


def exchanged(issuer: LocalIssuer, token: str, **form: str) -> dict[str, Any]:
    given = {"subject_token": token, "subject_token_type": ACCESS} | form
    status, answer = asked(issuer, TokenExchange.GRANT_TYPE, **given)
    assert status == 200
    return answer


def read(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_token_for_another_audience(issuer: LocalIssuer, alice: str) -> None:
    """The same person with the same claims, at another service, and not with the old one's times and id."""
    answer = exchanged(issuer, alice, audience="https://next.example", scope="b")
    assert answer.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (answer["issued_token_type"], answer["token_type"], answer["scope"]) == (ACCESS, "Bearer", "b")
    claims = read(answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"]) == ("alice", "https://next.example", "service")
    assert (claims["email"], claims["scope"]) == ("a@example.com", "b")
    assert claims["jti"] != "1"
    assert (
        read(exchanged(issuer, alice, resource="https://r.example")["access_token"])["aud"]
        == "https://r.example"
    )
    assert exchanged(issuer, alice)["scope"] == "a b"


def test_the_actor_is_named(issuer: LocalIssuer, alice: str) -> None:
    """The latest actor outermost (RFC 8693, section 4.1)."""
    first = exchanged(issuer, alice, actor_token=issuer.token(sub="one", client_id="x"), actor_token_type=JWT)
    assert read(first["access_token"])["act"] == {"sub": "one"}
    second = exchanged(
        issuer, first["access_token"], actor_token=issuer.token(sub="two"), actor_token_type=ACCESS
    )
    assert read(second["access_token"])["act"] == {"sub": "two", "act": {"sub": "one"}}
    assert "act" not in read(exchanged(issuer, second["access_token"])["access_token"])


def test_a_subject_may_name_its_actor(issuer: LocalIssuer) -> None:
    """Another is refused (RFC 8693, section 4.4)."""
    token = issuer.token(sub="alice", may_act={"sub": "one"})
    given = {"subject_token": token, "subject_token_type": ACCESS, "actor_token_type": ACCESS}
    for sub, status in (("one", 200), ("two", 400)):
        actor = issuer.token(sub=sub)
        assert asked(issuer, TokenExchange.GRANT_TYPE, **given, actor_token=actor)[0] == status


def test_id_tokens_and_refresh_tokens(issuer: LocalIssuer) -> None:
    """Bring access tokens, and an ID token can be asked for, which gives access to nothing."""
    query = {"client_id": "app", "redirect_uri": "http://127.0.0.1:9/", "response_type": "code"}
    query |= {"scope": "openid offline_access", "prompt": "none", "login_hint": "zoë", "nonce": "n"}
    query |= {"code_challenge": "c" * 43, "code_challenge_method": "plain"}
    back = httpx.get(
        issuer.urls["authorize"], params=query, trust_env=False, verify=False, timeout=60
    ).headers["location"]
    form = {"code": back.partition("code=")[2], "redirect_uri": query["redirect_uri"], "client_id": "app"}
    form |= {"code_verifier": "c" * 43}
    brought = asked(issuer, "authorization_code", None, **form)[1]
    for name, kind in (
        ("id_token", ID),
        ("id_token", JWT),
        ("refresh_token", REFRESHING),
        ("access_token", JWT),
    ):
        answer = exchanged(issuer, brought[name], subject_token_type=kind)
        assert read(answer["access_token"])["sub"] == "zoë"
    answer = exchanged(issuer, brought["access_token"], requested_token_type=ID)
    assert (answer["token_type"], answer["issued_token_type"]) == ("N_A", ID)
    assert (read(answer["access_token"])["aud"], "nonce" in read(answer["access_token"])) == (
        "service",
        False,
    )
    for name, kind in (("id_token", ACCESS), ("access_token", ID), ("access_token", REFRESHING)):
        given = {"subject_token": brought[name], "subject_token_type": kind}
        assert asked(issuer, TokenExchange.GRANT_TYPE, **given)[0] == 400


@pytest.mark.parametrize("role", ["subject", "actor"])
@pytest.mark.parametrize("attack", sorted(ATTACKS.keys() - LENIENT))
def test_a_forged_token_brings_nothing(issuer: LocalIssuer, alice: str, role: str, attack: str) -> None:
    """Of the subject or of the actor (RFC 8693, section 2.2.2)."""
    tokens = {"subject_token": alice, "actor_token": alice, f"{role}_token": issuer.attack(attack, sub="x")}
    types = {"subject_token_type": JWT, "actor_token_type": JWT}
    status, answer = asked(issuer, TokenExchange.GRANT_TYPE, **tokens, **types)
    assert (status, answer["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"subject_token": "x"},
        {"subject_token": "x", "subject_token_type": ACCESS},
        {"subject_token_type": ACCESS},
        {"subject_token": "{alice}", "subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"subject_token": "{alice}", "subject_token_type": ACCESS, "actor_token": "x"},
        {"subject_token": "{alice}", "subject_token_type": ACCESS, "requested_token_type": "urn:x"},
        {"subject_token": "{alice}", "subject_token_type": ACCESS, "requested_token_type": REFRESHING},
    ],
)
def test_what_cannot_be_exchanged(issuer: LocalIssuer, alice: str, form: dict[str, str]) -> None:
    """Is an invalid request (RFC 8693, section 2.2.2)."""
    given = {name: value.replace("{alice}", alice) for name, value in form.items()}
    status, answer = asked(issuer, TokenExchange.GRANT_TYPE, **given)
    assert (status, answer["error"]) == (400, "invalid_request")
    assert alice not in str(answer)


def test_tokens_of_others_and_withdrawn_ones(issuer: LocalIssuer, alice: str) -> None:
    """Bring nothing."""
    other = LocalIssuer(algorithm="ES256", url=issuer.url).token(sub="alice")
    revoked = issuer.token(sub="alice", jti="gone", client_id="service")
    httpx.post(
        issuer.urls["revoke"],
        data={"token": revoked},
        auth=SERVICE,
        trust_env=False,
        verify=False,
        timeout=60,
    )
    for token in (other, revoked, issuer.token(exp=1), "", "x.y.z"):
        given = {"subject_token": token, "subject_token_type": ACCESS}
        assert asked(issuer, TokenExchange.GRANT_TYPE, **given)[1]["error"] == "invalid_request"
        assert "access_token" not in asked(issuer, OnBehalfOf.GRANT_TYPE, assertion=token)[1]


@pytest.mark.parametrize("kind", [TokenExchange.GRANT_TYPE, OnBehalfOf.GRANT_TYPE])
def test_the_client_authenticates(issuer: LocalIssuer, alice: str, kind: str) -> None:
    """With its own secret."""
    given = {"subject_token": alice, "subject_token_type": ACCESS, "assertion": alice}
    for auth in (("service", "wrong"), ("unknown", "x"), None):
        status, answer = asked(issuer, kind, auth, **given)
        assert (status, answer["error"]) == (401, "invalid_client")


def test_on_behalf_of(issuer: LocalIssuer, alice: str) -> None:
    """As msal asks: the person stays, the service is the client, and the next service the audience."""
    form = {"requested_token_use": "on_behalf_of", "scope": "api://next/.default openid offline_access"}
    status, answer = asked(issuer, OnBehalfOf.GRANT_TYPE, assertion=alice, audience="api://next", **form)
    assert status == 200
    claims = read(answer["access_token"])
    assert (claims["sub"], claims["aud"], claims["client_id"]) == ("alice", "api://next", "service")
    assert (read(answer["id_token"])["aud"], "refresh_token" in answer) == ("service", True)
    refreshed = asked(issuer, "refresh_token", refresh_token=answer["refresh_token"])
    assert refreshed[0] == 200


def test_an_assertion_that_is_no_token(issuer: LocalIssuer) -> None:
    """Is an invalid grant; none at all an invalid request (RFC 7523, section 3.1)."""
    assert asked(issuer, OnBehalfOf.GRANT_TYPE)[1]["error"] == "invalid_request"
    forged = issuer.attack("wrong-key", sub="x")
    assert asked(issuer, OnBehalfOf.GRANT_TYPE, assertion=forged)[1]["error"] == "invalid_grant"

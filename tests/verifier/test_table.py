"""Table: what a stranger's token costs where many issuers are trusted."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import pytest
from tests.conftest import Clock

from rightkey import KeySet, Misconfigured, TokenRejected, Trust, Verifier
from rightkey.jose import base64url
from rightkey.localissuer import LocalIssuer

KINDS = {
    "auth0": "https://tenant{}.eu.auth0.com/",
    "auth0, by domain": "tenant{}.eu.auth0.com",
    "entra": "https://login.microsoftonline.com/{:08x}-90de-4a57-bf6e-0c4d5e6f7a02/v2.0",
    "b2c": "https://tenant{}.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0",
    "cognito": "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_{}",
    "keycloak": "https://sso.example.com/realms/realm{}",
    "adfs": "https://fs{}.example.com/adfs",
    "alb": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/{:016x}",
    "plain": "https://issuer{}.example/",
}
GUID = "7d1a2b8c-90de-4a57-bf6e-0c4d5e6f7a02"
STRANGERS = [
    "https://stranger.example/",
    f"https://login.microsoftonline.com/{GUID}/v2.0",
    f"https://stranger.b2clogin.com/{GUID}/v2.0/",
    "https://fs.stranger.example/adfs",
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/ffffffffffffffff",
]


def unsigned(claims: dict[str, Any]) -> str:
    parts = (orjson.dumps(part) for part in ({"alg": "RS256"}, claims))
    return ".".join((*map(base64url.encode, parts), "AAAA"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_costs_the_same_among_many(kind: str) -> None:
    """Counted in lines of Python that run, which no machine makes slower: 5 issuers and 300 alike. A clock of
    its own parts each from what the other has told of its refusals, and stands still."""
    few, many = (
        Verifier.of(*(Trust(KINDS[kind].format(n), audience="api") for n in range(count)), elapsed=Clock())
        for count in (5, 300)
    )
    for iss in STRANGERS:
        raw = unsigned({"iss": iss, "tid": GUID})
        assert steps(many, raw) == steps(few, raw)


@pytest.mark.parametrize("length", range(6))
def test_a_padded_provider_leaves_others_their_spelling(length: int) -> None:
    """Beside a load balancer's trust the tokens of any other issuer pass, whatever their length."""
    issuer = LocalIssuer(algorithm="ES256")
    keys = KeySet.parse({"keys": [issuer.current.public_jwk()]})
    name = "https://issuer.example/"
    trusts = (Trust(KINDS["alb"].format(1), audience="api"), Trust(name, audience="api", keys=keys))
    raw = issuer.mint({"iss": name, "aud": "api", "sub": "x" * length})
    assert Verifier.of(*trusts).verify(raw).issuer == name


def steps(verifier: Any, raw: str) -> int:
    """How many lines run to refuse a stranger's token; the fewest of a few, as the collector runs some."""
    return min(lines(verifier, raw) for _ in range(4))


def lines(verifier: Any, raw: str) -> int:
    count = 0

    def trace(_frame: Any, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(TokenRejected) as caught:
            verifier.verify(raw)
    finally:
        sys.settrace(before)
    assert caught.value.code == "issuer_not_trusted"
    return count


@pytest.mark.parametrize(
    ("iss", "hint"),
    [
        (
            "https://a.example",
            "only the slash at the end differs: the issuer trusted is 'https://a.example/'",
        ),
        ("http://SSO.example/realms/shop/", None),  # in more than one way
        ("http://sso.example/realms/shop", "only the scheme"),
        ("https://stranger.example", None),
    ],
)
def test_an_issuer_that_is_nearly_one_of_several_is_told(iss: str, hint: str | None) -> None:
    """As it is where one alone is trusted."""
    keys = KeySet(())
    verifier = Verifier.of(
        Trust("https://a.example/", audience="api", keys=keys),
        Trust(f"https://login.microsoftonline.com/{GUID}/v2.0", audience="api"),
        Trust("https://sso.example/realms/shop", audience="api", keys=keys),
    )
    with pytest.raises(TokenRejected) as caught:
        verifier.verify(LocalIssuer(algorithm="ES256").mint({"iss": iss, "aud": "api"}))
    assert caught.value.hint is None if hint is None else hint in str(caught.value.hint)


@pytest.mark.parametrize("raw", ["a.e30=.c", "a.e3\n0.c", "a.e3 0.c"])
def test_a_token_that_is_mistaken_is_told_as_elsewhere(raw: str) -> None:
    """Its payload is read before its issuer is known."""
    verifier = Verifier.of(Trust("https://a.example/", audience="api", keys=KeySet(())))
    with pytest.raises(TokenRejected) as caught:
        verifier.verify("ey" + raw)
    assert (caught.value.code, caught.value.hint is not None) == ("token_malformed", True)


@pytest.mark.parametrize(
    ("by_domain", "by_id"),
    [
        ("https://login.microsoftonline.com/{}.com/v2.0", "https://login.microsoftonline.com/{}/v2.0"),
        ("https://{0}.ciamlogin.com/{0}.onmicrosoft.com/v2.0", "https://{0}.ciamlogin.com/{0}/v2.0"),
    ],
)
def test_tenants_named_by_domain_cannot_be_told_apart(by_domain: str, by_id: str) -> None:
    """Their tokens name them by id: so must a service that trusts two of them, and the message says so."""
    with pytest.raises(Misconfigured, match="tokens of one form of iss") as caught:
        Verifier.of(*(Trust(by_domain.format(name), audience="a") for name in ("contoso", "fabrikam")))
    assert caught.value.hint == "name each tenant by its id (a GUID), as its tokens do"
    assert Verifier.of(*(Trust(by_id.format(name), audience="a") for name in (GUID, GUID.replace("7", "8"))))

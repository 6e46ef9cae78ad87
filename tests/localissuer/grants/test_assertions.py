"""Clients that sign a JWT with their secret."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from rightkey.localissuer import Client, LocalIssuer

pytest.importorskip("authlib")

SECRET = "a secret of the client that is long enough"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    clients = [Client("app", SECRET), Client("short", "s"), Client("public")]
    with LocalIssuer(dress="auth0", algorithm="ES256", clients=clients) as issuer:
        yield issuer


def assertion(issuer: LocalIssuer, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": "app", "sub": "app", "aud": issuer.urls["token"], "exp": now + 60, "jti": "1"}
    present = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(present, secret, algorithm=algorithm)


def asked(issuer: LocalIssuer, raw: str, **form: str) -> httpx.Response:
    data = {"grant_type": "client_credentials", "client_assertion": raw, "client_assertion_type": TYPE} | form
    return httpx.post(issuer.urls["token"], data=data, trust_env=False, verify=False, timeout=60)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.filterwarnings("ignore:The HMAC key is")
def test_its_secret_proves_the_client(issuer: LocalIssuer, algorithm: str) -> None:
    """By any HMAC, for the token endpoint or the issuer, with its slash or without."""
    url = issuer.url
    for audience in (issuer.urls["token"], url, url.rstrip("/"), [url, "https://elsewhere.example"]):
        answer = asked(issuer, assertion(issuer, algorithm=algorithm, aud=audience))
        assert answer.status_code == 200
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["client_id"] == "app"


@pytest.mark.filterwarnings("ignore:The HMAC key is")
def test_a_short_secret_does_as_well(issuer: LocalIssuer) -> None:
    """Tests have such."""
    assert asked(issuer, assertion(issuer, "s", iss="short", sub="short")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "another secret of a stranger that is long enough"},
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iss": "other"},
        {"iss": None},
        {"sub": None},
        {"sub": "unknown", "iss": "unknown"},
        {"sub": "public", "iss": "public"},
    ],
)
def test_anything_else_does_not(issuer: LocalIssuer, changes: dict[str, Any]) -> None:
    """And nothing of the assertion is in the answer."""
    raw = assertion(issuer, **changes)
    answer = asked(issuer, raw)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert raw not in answer.text


def test_what_is_no_signature(issuer: LocalIssuer) -> None:
    """`none`, half a token, another type, and an issuer's own key."""
    head, claims, _ = assertion(issuer).split(".")
    none = jwt.encode({"sub": "app"}, None, algorithm="none").split(".")[0]
    own = issuer.token(iss="app", sub="app", aud=issuer.urls["token"])
    for raw in (f"{none}.{claims}.", f"{head}.{claims}.", f"{head}.{claims}", "x", own):
        assert asked(issuer, raw).json()["error"] == "invalid_client"
    assert asked(issuer, assertion(issuer), client_assertion_type="urn:x").json()["error"] == "invalid_client"


def test_the_issuers_clock_counts() -> None:
    """As for all else."""
    with LocalIssuer(dress="auth0", algorithm="ES256", clients=[Client("app", SECRET)]) as issuer:
        raw = assertion(issuer)
        issuer.clock.advance(3600)
        assert asked(issuer, raw).status_code == 400


def test_without_a_list_any_secret_is_right() -> None:
    """The audience and the expiry are checked all the same."""
    with LocalIssuer(dress="auth0", algorithm="ES256") as issuer:
        assert asked(issuer, assertion(issuer, "any secret that is long enough for it")).status_code == 200
        assert (
            asked(issuer, assertion(issuer, "any secret that is long enough for it", exp=1)).status_code
            == 400
        )

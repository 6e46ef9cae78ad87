"""The Litestar plugin: handlers, their guards, the start, and its OpenAPI document."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, Request, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.testing import TestClient

import rightkey
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.litestar import RightKey
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def app_with(auth: RightKey, **given: Any) -> Litestar:
    @get("/")
    async def whose(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"subject": request.user, "token": request.auth.subject}

    @get("/open", exclude_from_auth=True)
    async def opened(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"subject": request.user}

    @get("/optional", optional_auth=True)
    async def optional(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"subject": request.user}

    @get("/scoped", guards=[auth.require("a"), auth.require("b")], responses=auth.responses)
    async def scoped(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return {"subject": request.user}

    @get("/open-and-scoped", exclude_from_auth=True, guards=[auth.require("a")])
    async def contrary() -> None: ...

    @get("/inner")
    async def inner(request: Request[Any, Any, Any]) -> None:
        request.auth.require("inner")

    handlers = [whose, opened, optional, scoped, contrary, inner]
    return Litestar(handlers, plugins=[auth], logging_config=None, **given)


@pytest.fixture
def client(issuer: LocalIssuer) -> Iterator[TestClient[Litestar]]:
    with TestClient(app_with(RightKey(issuer.url, audience=AUDIENCE))) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_handler_learns_whose_token_it_is(client: TestClient[Litestar], issuer: LocalIssuer) -> None:
    """And one that says nothing wants a token."""
    answer = client.get("/", headers=bearer(issuer.token(sub="alice")))
    assert answer.json() == {"subject": "alice", "token": "alice"}
    answer = client.get("/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/none").status_code == 404


def test_a_handler_may_take_any_request(client: TestClient[Litestar], issuer: LocalIssuer) -> None:
    """As Litestar's own authentication names it; where a token is optional, a bad one is still refused."""
    assert client.get("/open", headers=bearer("bad token")).json() == {"subject": None}
    assert client.get("/optional").json() == {"subject": None}
    assert client.get("/optional", headers=bearer(issuer.token(sub="alice"))).json() == {"subject": "alice"}
    assert client.get("/optional", headers=bearer(issuer.attack("expired"))).status_code == 401
    assert client.get("/open-and-scoped").status_code == 401


def test_too_little_is_403_with_the_scope(client: TestClient[Litestar], issuer: LocalIssuer) -> None:
    """And all that the guards ask is told in advance; what a handler itself asks is answered alike."""
    assert client.get("/scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
    assert client.get("/scoped", headers=bearer(issuer.token(scope="b a"))).status_code == 200
    for where, missing in (("/scoped", "b"), ("/inner", "inner")):
        answer = client.get(where, headers=bearer(issuer.token(scope="a")))
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
        assert answer.headers["www-authenticate"].endswith(f'scope="{missing}"')
    with pytest.raises(rightkey.Misconfigured):
        RightKey(verifier=rightkey.AsyncVerifier("a.example", audience="a")).require(5)  # type: ignore[arg-type]


def test_keys_are_there_before_the_first_request(
    client: TestClient[Litestar], issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Else that is a warning, or the end of the start, by choice."""
    assert issuer.requests["jwks"] == 1
    with LocalIssuer(algorithm="ES256") as broken, caplog.at_level(logging.WARNING, "rightkey"):
        broken.misbehave("discovery", "wrong-issuer")
        with TestClient(app_with(RightKey(broken.url, audience=AUDIENCE))):
            pass
        assert "could not fetch the issuer's keys at startup" in caplog.text
        with (
            pytest.raises(ExceptionGroup) as caught,
            TestClient(app_with(RightKey(broken.url, audience=AUDIENCE, require_issuer=True))),
        ):
            pass
        assert caught.group_contains(rightkey.IssuerMisbehaved)


def test_openapi_shows_where_a_token_is_and_how_it_is_refused(issuer: LocalIssuer) -> None:
    """Beside what the application has in its document already."""
    auth = RightKey(issuer.url, audience=AUDIENCE, bearer=Bearer(cookie("session")))
    own = Components(security_schemes={"own": SecurityScheme(type="http", scheme="basic")})
    for components in (own, [own]):
        config = OpenAPIConfig("test", "1", components=components, security=[{"own": []}])
        app = app_with(auth, openapi_config=config)
        document = app.openapi_schema.to_schema()
        assert document["security"] == [{"own": []}, {"rightkey": []}]
        assert document["components"]["securitySchemes"] == {
            "own": {"type": "http", "scheme": "basic"},
            "rightkey": {"type": "apiKey", "in": "cookie", "name": "session"},
        }
        assert {"400", "401", "403", "503"} < document["paths"]["/scoped"]["get"]["responses"].keys()
        assert config.security == [{"own": []}]
    plain = app_with(RightKey(issuer.url, audience=AUDIENCE)).openapi_schema.to_schema()
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert plain["components"]["securitySchemes"] == {"rightkey": scheme}
    assert app_with(auth, openapi_config=None) is not None

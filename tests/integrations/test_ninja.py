"""Django Ninja: its authentication class, `@public` and `@optional`, with and without the middleware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from ninja import NinjaAPI, Router

import rightkey
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.ninja import NO_TOKEN, RightKey, optional, public, require
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"
GUARD = "rightkey.integrations.django.RightKeyMiddleware"
NUMBER = count()


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with (
        LocalIssuer(algorithm="ES256") as issuer,
        override_settings(RIGHTKEY_ISSUER=issuer.url, RIGHTKEY_AUDIENCE=AUDIENCE, MIDDLEWARE=[]),
    ):
        yield issuer


def urls_of(api: NinjaAPI) -> Any:
    """Operations of all kinds, for threads and for tasks."""

    def whose(request: Any) -> Any:
        return {"subject": request.token and request.token.subject}

    async def whose_async(request: Any) -> Any:
        return whose(request)

    def inner(request: Any) -> Any:
        request.token.require("inner")

    async def inner_async(request: Any) -> Any:
        request.token.require("inner")

    def open_to_all(request: Any) -> Any:
        return {"subject": None}

    async def open_to_all_async(request: Any) -> Any:
        return {"subject": None}

    router = Router()
    for end, view, deep, opened in (
        ("", whose, inner, open_to_all),
        ("-async", whose_async, inner_async, open_to_all_async),
    ):
        api.get(f"any{end}")(view)
        api.post(f"any{end}")(require("write")(view))
        api.get(f"scoped{end}")(require("a", "b")(view))
        api.get(f"inner{end}")(deep)
        api.get(f"public{end}")(public(opened))
        api.get(f"optional{end}")(optional(view))
        router.get(f"public{end}")(public(opened))
        router.get(f"any{end}")(view)
    api.add_router("below/", router)
    return (path("api/", api.urls),)


@pytest.fixture(params=["class", "middleware"])
def guarded(request: pytest.FixtureRequest, issuer: LocalIssuer) -> Iterator[None]:
    """By the authentication class, or by the middleware alone."""
    by_class = request.param == "class"
    name = f"ninja{next(NUMBER)}"
    api = NinjaAPI(auth=RightKey(), urls_namespace=name) if by_class else NinjaAPI(urls_namespace=name)
    with override_settings(ROOT_URLCONF=urls_of(api), MIDDLEWARE=[] if by_class else [GUARD]):
        yield


def in_threads(where: str, token: str | None = None, method: str = "get") -> Any:
    return getattr(Client(), method)(f"/api/{where}", headers=bearer(token))


def in_tasks(where: str, token: str | None = None, method: str = "get") -> Any:
    return asyncio.run(getattr(AsyncClient(), method)(f"/api/{where}-async", headers=bearer(token)))


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


both = pytest.mark.parametrize("ask", [in_threads, in_tasks])
Ask = Callable[..., Any]


@both
def test_an_operation_learns_whose_token_it_is(ask: Ask, guarded: None, issuer: LocalIssuer) -> None:
    """And is not called with a bad one, or without."""
    for where in ("any", "below/any"):
        assert ask(where, issuer.token(sub="alice")).json() == {"subject": "alice"}
        answer = ask(where)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (answer.json()["code"], "hint" in answer.json()) == ("token_missing", True)
        assert ask(where, issuer.attack("expired")).json()["code"] == "claims_rejected"
        assert ask(where, "two tokens").status_code == 400


@both
def test_a_public_operation_takes_any_request(ask: Ask, guarded: None, issuer: LocalIssuer) -> None:
    """In a router too; and no token is looked for."""
    for where in ("public", "below/public"):
        assert ask(where).json() == ask(where, "bad token").json() == {"subject": None}
    assert issuer.requests.total == 0


@both
def test_where_a_token_is_optional_a_bad_one_is_still_refused(
    ask: Ask, guarded: None, issuer: LocalIssuer
) -> None:
    """`request.token` is None where there is none."""
    assert ask("optional").json() == {"subject": None}
    assert ask("optional", issuer.token(sub="alice")).json() == {"subject": "alice"}
    assert ask("optional", issuer.attack("expired")).status_code == 401
    assert repr(NO_TOKEN) == "NO_TOKEN"


@both
def test_too_little_is_403_with_the_scope(ask: Ask, guarded: None, issuer: LocalIssuer) -> None:
    """Of the operation for the method that was asked for; what an operation itself asks is answered alike."""
    answer = ask("scoped", issuer.token(scope="a"))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert answer.headers["www-authenticate"].endswith('scope="a b"')
    assert ask("scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
    assert ask("scoped", issuer.token(scope="b a")).status_code == 200
    assert ask("any", issuer.token(scope="a"), method="post").status_code == 403
    assert ask("any", issuer.token(scope="write"), method="post").status_code == 200
    assert ask("inner", issuer.token(scope="a")).headers["www-authenticate"].endswith('scope="inner"')


@both
def test_an_outage_is_503(ask: Ask, guarded: None, issuer: LocalIssuer) -> None:
    """And another method than those there are is 405 or refused, and never let in."""
    issuer.misbehave("discovery", "html")
    answer = ask("any", issuer.token())
    assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (503, True)
    assert ask("any", method="delete").status_code in (401, 405)


def test_the_documentation_is_opened_by_its_path(guarded: None, issuer: LocalIssuer) -> None:
    """Where the middleware guards it."""
    with override_settings(RIGHTKEY_PUBLIC=["/api/openapi.json", "/api/below/any", "/api/below/any-async"]):
        assert in_threads("openapi.json").status_code == 200
        assert in_threads("any").status_code == 401
        assert in_threads("below/any").json() == in_tasks("below/any").json() == {"subject": None}


def test_openapi_shows_where_a_token_is(issuer: LocalIssuer) -> None:
    """But at public operations."""
    api = NinjaAPI(auth=RightKey(), urls_namespace=f"ninja{next(NUMBER)}")
    with override_settings(ROOT_URLCONF=urls_of(api)):
        document = api.get_openapi_schema()
    assert document["components"]["securitySchemes"] == {
        "RightKey": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert document["paths"]["/api/any"]["get"]["security"] == [{"RightKey": []}]
    assert "security" not in document["paths"]["/api/public"]["get"]
    with override_settings(RIGHTKEY_BEARER=Bearer(cookie("session"))):
        assert RightKey().openapi_security_schema == {"type": "apiKey", "in": "cookie", "name": "session"}


def test_a_user_is_known_by_the_token(issuer: LocalIssuer) -> None:
    """In threads, and in tasks, by a function of either kind."""

    def known(token: rightkey.Verified) -> str:
        return f"user {token.subject}"

    async def known_async(token: rightkey.Verified) -> str:
        return f"user {token.subject}"

    for find in (known, known_async):
        api = NinjaAPI(auth=RightKey(), urls_namespace=f"ninja{next(NUMBER)}")
        api.get("user")(lambda request: request.user)

        @api.get("user-async")
        async def user(request: Any) -> Any:
            return [request.user, await request.auser()]

        with override_settings(ROOT_URLCONF=(path("api/", api.urls),), RIGHTKEY_USER=find):
            assert in_threads("user", issuer.token(sub="alice")).json() == "user alice"
            assert in_tasks("user", issuer.token(sub="bob")).json() == ["user bob", "user bob"]

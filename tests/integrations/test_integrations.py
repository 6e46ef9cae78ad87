"""What every integration does alike, over real HTTP, before a real issuer.

Annotations are not postponed: FastAPI would look for what they name among globals.
"""

import asyncio
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Annotated, Any

import httpx
import pytest
from aiohttp import web
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path
from fastapi import Depends, FastAPI, Security
from flask import Flask
from litestar import Litestar
from litestar import Request as LitestarRequest
from litestar import get as litestar_get
from ninja import NinjaAPI
from rest_framework.response import Response
from rest_framework.views import APIView
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import rightkey
from rightkey import Verified
from rightkey.integrations import aiohttp, django, drf, fastapi, flask, litestar, ninja, wsgi
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.integrations.starlette import RightKeyBackend
from rightkey.localissuer import LocalIssuer, fault

pytestmark = pytest.mark.slow

AUDIENCE = "https://api.example.com"
Make = Callable[..., Any]


def with_fastapi(issuer: str, **settings: Any) -> FastAPI:
    app, auth = FastAPI(), fastapi.RightKey(issuer, audience=AUDIENCE, **settings)

    @app.get("/any")
    async def anybody(token: Annotated[Verified, Depends(auth)]) -> Any:
        return {"subject": token.subject}

    @app.get("/scoped")
    async def scoped(token: Annotated[Verified, Security(auth, scopes=["read:x"])]) -> Any:
        return {"subject": token.subject}

    return app


def with_middleware(issuer: str, **settings: Any) -> Starlette:
    async def anybody(request: Request) -> JSONResponse:
        return JSONResponse({"subject": request.state.token.subject})

    one = functools.partial(RightKeyMiddleware, issuer=issuer, audience=AUDIENCE, **settings)
    route = Route("/", anybody).app
    return Starlette(routes=[Route("/any", one(route)), Route("/scoped", one(route, require="read:x"))])


def with_backend(issuer: str, **settings: Any) -> Starlette:
    backend = RightKeyBackend(issuer, audience=AUDIENCE, **settings)

    @requires("authenticated", status_code=401)
    async def anybody(request: Request) -> JSONResponse:
        return JSONResponse({"subject": request.user.identity})

    @requires("authenticated", status_code=401)
    @requires("read:x")
    async def scoped(request: Request) -> JSONResponse:
        return JSONResponse({"subject": request.user.display_name})

    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
    return Starlette(routes=[Route("/any", anybody), Route("/scoped", scoped)], middleware=[guard])


def with_wsgi(issuer: str, **settings: Any) -> Any:
    def anybody(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"subject": environ["rightkey.token"].subject}).encode()]

    one = functools.partial(wsgi.RightKeyMiddleware, anybody, issuer, audience=AUDIENCE, **settings)
    apps = {"/any": one(), "/scoped": one(require="read:x")}
    return lambda environ, start_response: apps[environ["PATH_INFO"]](environ, start_response)


def with_flask(issuer: str, **settings: Any) -> Flask:
    app = Flask("test")
    auth = flask.RightKey(app, issuer, audience=AUDIENCE, **settings)

    @app.get("/any")
    @auth
    def anybody() -> Any:
        return {"subject": auth.token.subject}

    @app.get("/scoped")
    @auth.require("read:x")
    def scoped() -> Any:
        return {"subject": auth.token.subject}

    return app


OVERRIDES = ExitStack()
GUARD = "rightkey.integrations.django.RightKeyMiddleware"


def with_django(issuer: str, **settings: Any) -> Any:
    """In threads."""

    def anybody(request: Any) -> JsonResponse:
        return JsonResponse({"subject": request.token.subject})

    configured(issuer, settings, any=anybody, scoped=django.require("read:x")(anybody))
    return WSGIHandler()


def with_django_async(issuer: str, **settings: Any) -> Any:
    """In a loop."""

    async def anybody(request: Any) -> JsonResponse:
        return JsonResponse({"subject": request.token.subject})

    configured(issuer, settings, any=anybody, scoped=django.require("read:x")(anybody))
    return ASGIHandler()


def with_drf(issuer: str, **settings: Any) -> Any:
    class Anybody(APIView):
        authentication_classes = (drf.RightKeyAuthentication,)
        permission_classes: Any = (drf.Requires(),)

        def get(self, request: Any) -> Any:
            return Response({"subject": request.user.pk})

    scoped = Anybody.as_view(permission_classes=[drf.Requires("read:x")])
    configured(issuer, settings, guards=(), any=Anybody.as_view(), scoped=scoped)
    django.verifier()
    return WSGIHandler()


def with_ninja(issuer: str, **settings: Any) -> Any:
    """In threads."""
    configured(issuer, settings, guards=())
    api = NinjaAPI(auth=ninja.RightKey(), urls_namespace=issuer)

    @api.get("any")
    def anybody(request: Any) -> Any:
        return {"subject": request.auth.subject}

    @api.get("scoped")
    @ninja.require("read:x")
    def scoped(request: Any) -> Any:
        return {"subject": request.auth.subject}

    django.verifier()
    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=(path("", api.urls),)))
    return WSGIHandler()


def with_ninja_async(issuer: str, **settings: Any) -> Any:
    """In a loop."""
    configured(issuer, settings, guards=())
    api = NinjaAPI(auth=ninja.RightKey(), urls_namespace=f"{issuer}async")

    @api.get("any")
    async def anybody(request: Any) -> Any:
        return {"subject": request.auth.subject}

    @api.get("scoped")
    @ninja.require("read:x")
    async def scoped(request: Any) -> Any:
        return {"subject": request.auth.subject}

    django.verifier()
    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=(path("", api.urls),)))
    return ASGIHandler()


def with_litestar(issuer: str, **settings: Any) -> Litestar:
    auth = litestar.RightKey(issuer, audience=AUDIENCE, **settings)

    @litestar_get("/any")
    async def anybody(request: LitestarRequest[Any, Any, Any]) -> dict[str, str]:
        return {"subject": request.user}

    @litestar_get("/scoped", guards=[auth.require("read:x")])
    async def scoped(request: LitestarRequest[Any, Any, Any]) -> dict[str, str]:
        return {"subject": request.auth.subject}

    app = Litestar([anybody, scoped], plugins=[auth])
    app.on_startup.clear()  # what is done at the start is tested elsewhere
    return app


def configured(issuer: str, settings: dict[str, Any], guards: Sequence[str] = (GUARD,), **views: Any) -> None:
    """Have Django set up for this until the test is over."""
    given = {"RIGHTKEY_ISSUER": issuer, "RIGHTKEY_AUDIENCE": AUDIENCE}
    given |= {f"RIGHTKEY_{name.upper()}": value for name, value in settings.items()}
    urls = tuple(path(name, view) for name, view in views.items())
    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=urls, MIDDLEWARE=guards, **given))


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    with OVERRIDES:
        yield


def with_aiohttp(issuer: str, **settings: Any) -> web.Application:
    async def anybody(request: web.Request) -> web.StreamResponse:
        return web.json_response({"subject": request[aiohttp.TOKEN].subject})

    app = web.Application()
    aiohttp.setup(app, issuer, audience=AUDIENCE, **settings)
    app.router.add_get("/any", anybody)
    app.router.add_get("/scoped", aiohttp.require("read:x")(anybody))
    app.on_startup.clear()  # what is done at the start is tested elsewhere
    return app


EVERY = [
    with_fastapi,
    with_middleware,
    with_backend,
    with_wsgi,
    with_flask,
    with_django,
    with_django_async,
    with_drf,
    with_ninja,
    with_ninja_async,
    with_litestar,
    with_aiohttp,
]
OWN_REFUSALS = [make for make in EVERY if make is not with_backend]
"""Starlette's `requires` answers for what is missing by itself, and without a challenge."""


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def get(url: str, *tokens: str, path: str = "/any") -> httpx.Response:
    headers = [("authorization", f"Bearer {token}") for token in tokens]
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.get(url + path, headers=headers)


def body(answer: httpx.Response) -> dict[str, str]:
    """Of a refusal: FastAPI's users look for it in `detail`."""
    told: dict[str, Any] = answer.json()
    return told.get("detail", told)  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", EVERY)
def test_a_valid_token_comes_in(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """And the route learns whose it is."""
    url = served(make(issuer.url))
    answer = get(url, issuer.token(sub="alice"))
    assert (answer.status_code, answer.json()) == (200, {"subject": "alice"})
    assert get(url, issuer.token(sub="bob", scope="a read:x"), path="/scoped").json() == {"subject": "bob"}


@pytest.mark.parametrize("make", EVERY)
def test_a_bad_token_is_401_with_a_challenge(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """And the body says why, without a word of the token."""
    expired = issuer.attack("expired", sub="alice")
    answer = get(served(make(issuer.url)), expired)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", error_description="')
    assert body(answer)["code"] == "claims_rejected"
    assert "alice" not in answer.text
    assert expired.rpartition(".")[2] not in answer.text


@pytest.mark.parametrize("make", OWN_REFUSALS)
def test_no_token_is_401_without_an_error(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """RFC 6750, section 3.1; the issuer is not asked."""
    answer = get(served(make(issuer.url)))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert body(answer)["code"] == "token_missing"
    assert issuer.requests.total == 0


@pytest.mark.parametrize("make", OWN_REFUSALS)
def test_too_little_is_403_with_the_scope(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """So that a client knows what to ask for."""
    answer = get(served(make(issuer.url)), issuer.token(scope="read:y"), path="/scoped")
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert answer.headers["www-authenticate"].endswith('scope="read:x"')
    assert body(answer)["code"] == "scope_insufficient"


@pytest.mark.parametrize("make", EVERY)
def test_several_tokens_are_400(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """Though both are good."""
    answer = get(served(make(issuer.url)), issuer.token(), issuer.token())
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("make", EVERY)
def test_an_outage_is_503_without_a_challenge(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """The token may be good: the client is to come back with it."""
    issuer.misbehave("discovery", fault("status", code=503))
    url = served(make(issuer.url))
    answer = get(url, issuer.token())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "www-authenticate" not in answer.headers
    assert body(answer)["code"] == "keys_unavailable"


@pytest.mark.parametrize("make", EVERY)
def test_a_rotation_under_load_refuses_no_valid_token(make: Make, issuer: LocalIssuer, served: Make) -> None:
    """Neither one to the key published before, nor one by a key that was not announced."""
    url = served(make(issuer.url))

    async def load() -> list[int]:
        limits = httpx.Limits(max_connections=10)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=120) as client:

            async def ask(number: int) -> int:
                headers = {"authorization": f"Bearer {issuer.token(jti=str(number))}"}
                return (await client.get(f"{url}/any", headers=headers)).status_code

            answers: list[int] = []
            for surprise in (None, False, True):
                if surprise is not None:
                    issuer.rotate(surprise=surprise)
                answers += await asyncio.gather(*map(ask, range(40)))
            return answers

    assert asyncio.run(load()) == [200] * 120
    # Once at first; then for the unannounced key, and for requests that came when that had begun: the budget.
    assert 2 <= issuer.requests["jwks"] <= 1 + rightkey.Freshness().draws


@pytest.mark.parametrize("make", EVERY)
def test_a_wrong_setting_ends_the_start(make: Make) -> None:
    """And never a request."""
    with pytest.raises(rightkey.Misconfigured):
        make("http://issuer.example")

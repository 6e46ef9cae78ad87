"""CORS preflights: a browser asks without a token whether it may send one, and no view is run for that.

Fetch, section 3.3: OPTIONS with `Origin` and `Access-Control-Request-Method`, and never with credentials.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from aiohttp import web
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from fastapi import Depends, FastAPI
from flask import Blueprint, Flask
from flask_cors import CORS
from litestar import HttpMethod, Litestar, route
from litestar import get as litestar_get
from litestar.config.cors import CORSConfig
from ninja import NinjaAPI
from rest_framework.response import Response
from rest_framework.views import APIView
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import rightkey
from rightkey.integrations import aiohttp, django, drf, fastapi, flask, litestar, ninja, wsgi
from rightkey.integrations.asgi import RightKeyMiddleware, _emptied, is_cors_preflight
from rightkey.integrations.starlette import RightKeyBackend

pytestmark = pytest.mark.slow

VERIFIER = rightkey.Verifier("any name", audience="a", keys=rightkey.KeySet(()))
ASYNC = rightkey.AsyncVerifier("any name", audience="a", keys=rightkey.KeySet(()))
SITE = "https://site.example"
ASKED = {"Origin": SITE, "Access-Control-Request-Method": "GET"}
GUARD = "rightkey.integrations.django.RightKeyMiddleware"
CORS_GUARD = "corsheaders.middleware.CorsMiddleware"
RAN: list[str] = []
"""Views that were called."""
OVERRIDES = ExitStack()


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    RAN.clear()
    with OVERRIDES:
        yield


def ran(*_: Any, **__: Any) -> str:
    RAN.append("view")
    return "secret"


def with_asgi() -> Any:
    """CORS inside of the guard: outside of it, nothing is new."""

    async def view(request: Request) -> JSONResponse:
        return JSONResponse(ran())

    cors = Middleware(CORSMiddleware, allow_origins=[SITE])
    inside = Starlette(routes=[Route("/", view)], middleware=[cors])
    return RightKeyMiddleware(inside, verifier=ASYNC)


def with_backend() -> Any:
    async def view(request: Request) -> JSONResponse:
        return JSONResponse(ran())

    backend = RightKeyBackend(verifier=ASYNC)
    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
    cors = Middleware(CORSMiddleware, allow_origins=[SITE])
    return Starlette(routes=[Route("/", view)], middleware=[guard, cors])


def with_fastapi() -> Any:
    app = FastAPI(dependencies=[Depends(fastapi.RightKey(verifier=ASYNC))])
    app.add_middleware(CORSMiddleware, allow_origins=[SITE])
    app.get("/")(ran)
    return app


def flask_app(auth: flask.RightKey) -> Flask:
    app = Flask("test")
    CORS(app, origins=[SITE])
    auth.init_app(app)
    return app


def with_flask() -> Any:
    auth = flask.RightKey(verifier=VERIFIER)
    app = flask_app(auth)
    app.route("/", methods=["GET", "OPTIONS"])(auth(ran))
    return app


def with_flask_optional() -> Any:
    auth = flask.RightKey(verifier=VERIFIER)
    app = flask_app(auth)
    app.route("/", methods=["GET", "OPTIONS"])(auth.require("x")(ran))
    return app


def with_blueprint() -> Any:
    """The whole of it is guarded at one place."""
    auth = flask.RightKey(verifier=VERIFIER)
    app, blueprint = flask_app(auth), Blueprint("all", "test")
    blueprint.before_request(auth(lambda: None))
    blueprint.get("/")(ran)
    app.register_blueprint(blueprint)
    return app


def with_flask_in_wsgi() -> Any:
    app = Flask("test")
    CORS(app, origins=[SITE])
    app.get("/")(ran)
    return wsgi.RightKeyMiddleware(app, verifier=VERIFIER)


def view_of_django(request: Any) -> HttpResponse:
    return HttpResponse(ran())


class Api(APIView):
    permission_classes = (drf.Requires("x"),)

    def get(self, request: Any) -> Response:
        return Response(ran())


def configured(view: Any, *guards: str) -> None:
    urls = (path("", view),)
    given = {"CORS_ALLOWED_ORIGINS": [SITE], "RIGHTKEY_VERIFIER": VERIFIER}
    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=urls, MIDDLEWARE=guards, **given))


def with_django() -> Any:
    configured(django.require("x")(view_of_django), GUARD, CORS_GUARD)
    return WSGIHandler()


def with_django_async() -> Any:
    configured(view_of_django, CORS_GUARD, GUARD)
    return ASGIHandler()


def with_drf() -> Any:
    configured(Api.as_view(authentication_classes=[drf.RightKeyAuthentication]), CORS_GUARD)
    return WSGIHandler()


def with_ninja() -> Any:
    api = NinjaAPI(auth=ninja.RightKey(), urls_namespace="preflights")
    api.get("")(lambda request: ran())
    configured(HttpResponse, CORS_GUARD)
    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=(path("", api.urls),)))
    return WSGIHandler()


def with_litestar() -> Any:
    @litestar_get("/")
    async def view() -> str:
        return ran()

    auth = litestar.RightKey(verifier=ASYNC)
    return Litestar([view], plugins=[auth], cors_config=CORSConfig(allow_origins=[SITE]))


def with_aiohttp() -> Any:
    """By a handler for OPTIONS, as aiohttp-cors adds them."""
    app = web.Application()
    aiohttp.setup(app, verifier=ASYNC)

    async def view(request: web.Request) -> web.StreamResponse:
        return web.Response(text=ran())

    async def allowed(request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Access-Control-Allow-Origin": SITE})

    app.router.add_get("/", aiohttp.require("x")(view))
    app.router.add_options("/", allowed)
    return app


EVERY = [
    with_asgi,
    with_backend,
    with_fastapi,
    with_flask,
    with_flask_optional,
    with_blueprint,
    with_flask_in_wsgi,
    with_django,
    with_django_async,
    with_drf,
    with_ninja,
    with_litestar,
    with_aiohttp,
]


def ask(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.options(url, headers=headers)


@pytest.mark.parametrize("make", EVERY)
def test_a_preflight_passes_and_no_view_runs(make: Callable[[], Any], served: Callable[[Any], str]) -> None:
    """What answers CORS does, wherever it stands; a request without a token is refused as ever."""
    url = served(make())
    answer = ask(url, **ASKED)
    assert answer.status_code in (200, 204), answer.text
    assert answer.headers["access-control-allow-origin"] in (SITE, "*")
    assert "www-authenticate" not in answer.headers
    assert RAN == []


@pytest.mark.parametrize("make", [make for make in EVERY if make is not with_backend])
def test_without_a_token_nothing_else_passes(make: Callable[[], Any], served: Callable[[Any], str]) -> None:
    """Neither an OPTIONS that no browser asks beforehand, nor another method that looks like one."""
    url = served(make())
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.get(url, headers=ASKED).status_code == 401
        for headers in ({}, {"Origin": SITE}, {"Access-Control-Request-Method": "GET"}):
            client.options(url, headers=headers)
    assert RAN == []


def bare_asgi() -> Any:
    """Takes any method for the same, and says so."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.debug", "info": {"secret": "secret"}})
        headers = [(b"content-length", b"6"), (b"x-kept", b"yes"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"sec", "more_body": True})
        await send({"type": "http.response.body", "body": b"ret"})

    return RightKeyMiddleware(app, verifier=ASYNC)


def bare_wsgi() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Length", "6"), ("X-Kept", "yes")])
        write(b"sec")
        yield b"ret"

    return wsgi.RightKeyMiddleware(app, verifier=VERIFIER)


def any_method_of_aiohttp() -> Any:
    app = web.Application()
    aiohttp.setup(app, verifier=ASYNC)

    async def view(request: web.Request) -> web.StreamResponse:
        return web.Response(text=ran())

    app.router.add_route("*", "/", view)
    return app


def any_method_of_litestar() -> Any:
    @route("/", http_method=[HttpMethod.GET, HttpMethod.OPTIONS])
    async def view() -> str:
        return ran()

    return Litestar([view], plugins=[litestar.RightKey(verifier=ASYNC)])


class Own(Api):
    def options(self, request: Any) -> Response:
        return Response(ran())


def any_method_of_drf() -> Any:
    configured(Own.as_view(authentication_classes=[drf.RightKeyAuthentication]))
    return WSGIHandler()


def without_cors_of_django() -> Any:
    configured(view_of_django, GUARD)
    return WSGIHandler()


def without_cors_of_drf() -> Any:
    """REST framework answers by itself, with what it knows of the view."""
    configured(Api.as_view(authentication_classes=[drf.RightKeyAuthentication]))
    return WSGIHandler()


def optional_of_flask() -> Any:
    auth = flask.RightKey(verifier=VERIFIER)
    app = Flask("test")
    auth.init_app(app)
    app.route("/", methods=["GET", "OPTIONS"])(auth.optional(ran))
    return app


def guarded_options_of_litestar() -> Any:
    auth = litestar.RightKey(verifier=ASYNC)

    @route("/", http_method=[HttpMethod.OPTIONS], guards=[auth.require("x")], status_code=204)
    async def view() -> None: ...

    return Litestar([view], plugins=[auth])


@pytest.mark.parametrize(
    "make", [without_cors_of_django, without_cors_of_drf, optional_of_flask, guarded_options_of_litestar]
)
def test_a_preflight_passes_where_nothing_answers_cors(
    make: Callable[[], Any], served: Callable[[Any], str]
) -> None:
    """The browser then says that CORS is not set up, and not that a token is missing."""
    assert ask(served(make()), **ASKED).status_code in (200, 204)
    assert RAN == []


@pytest.mark.parametrize(
    "make", [bare_asgi, bare_wsgi, any_method_of_aiohttp, any_method_of_litestar, any_method_of_drf]
)
def test_no_preflight_reads_what_is_protected(make: Callable[[], Any], served: Callable[[Any], str]) -> None:
    """Though the application takes every method for the same."""
    answer = ask(served(make()), **ASKED)
    assert "secret" not in answer.text
    assert RAN == []
    if make in (bare_asgi, bare_wsgi):
        assert (answer.status_code, answer.headers["x-kept"]) == (200, "yes")
        assert answer.headers["content-length"] == "0"


def test_an_application_of_wsgi_is_closed_after_a_preflight() -> None:
    """PEP 3333, as for any other answer."""
    closed: list[bool] = []

    class Answer(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Answer([b"secret"]) if closes else [b"secret"]

    closes = True
    guarded = wsgi.RightKeyMiddleware(app, verifier=VERIFIER)
    environ = {
        "REQUEST_METHOD": "OPTIONS",
        "PATH_INFO": "/",
        "HTTP_ORIGIN": SITE,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
        "wsgi.input": io.BytesIO(),
    }
    assert [*guarded(environ, lambda *_: None)] == []
    assert closed == [True]
    closes = False
    assert [*guarded(environ, lambda *_: None)] == []


@pytest.mark.parametrize("make", [bare_asgi, bare_wsgi])
@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"])
def test_no_preflight_is_another_method_in_disguise(
    make: Callable[[], Any], name: str, served: Callable[[Any], str]
) -> None:
    """An application that takes its method from a header would do without a token what that says."""
    assert ask(served(make()), **ASKED, **{name: "DELETE"}).status_code == 401


def test_an_override_is_known_however_its_name_is_spelled() -> None:
    """A WSGI application behind an adapter does not tell an underscore from a hyphen."""
    names = (b"origin", b"access-control-request-method")
    headers = [(name, b"GET") for name in names]
    scope = {"type": "http", "method": "OPTIONS", "headers": headers}
    assert is_cors_preflight(scope)
    assert not is_cors_preflight({**scope, "headers": [*headers, (b"X_HTTP_Method_Override", b"DELETE")]})


DISGUISED = {"_method": "DELETE", "__METHOD_OVERRIDE__": "DELETE"}


def overridden_asgi() -> Any:
    """Takes its method from the query or the body, wherever one is there."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        if b"DELETE" in scope["query_string"] + message["body"] or message["more_body"]:
            ran()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        assert (await receive())["type"] == "http.disconnect"

    return RightKeyMiddleware(app, verifier=ASYNC)


def overridden_wsgi() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        length = int(environ["CONTENT_LENGTH"])
        if "DELETE" in environ["QUERY_STRING"] or environ["wsgi.input"].read(length):
            ran()
        start_response("204 No Content", [])
        return []

    return wsgi.RightKeyMiddleware(app, verifier=VERIFIER)


@pytest.mark.parametrize("make", [overridden_asgi, overridden_wsgi])
def test_a_preflight_brings_no_other_method(make: Callable[[], Any], served: Callable[[Any], str]) -> None:
    """By its query or its body: some applications take one from there, of any request."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.request("OPTIONS", served(make()), headers=ASKED, params=DISGUISED, data=DISGUISED)
    assert (answer.status_code, RAN) == (204, [])


def test_a_body_that_comes_in_pieces_is_passed_over() -> None:
    """An application that waits for its client to leave still hears of it."""
    pieces = [{"type": "http.request", "body": b"_method=DELETE", "more_body": True}] * 2
    sent = iter([*pieces, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(sent)

    async def read() -> list[Any]:
        emptied = _emptied(receive)
        return [await emptied(), await emptied()]

    first, then = asyncio.run(read())
    assert first == {"type": "http.request", "body": b"", "more_body": False}
    assert then == {"type": "http.disconnect"}

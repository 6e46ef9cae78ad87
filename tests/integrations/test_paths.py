"""Tricks with paths: however a request is written, only a public route is reached without a token.

Each application has a public route, `/open`; every other path leads to a protected one. So an exemption shows
that is judged on another string than the one that is routed.
"""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path, re_path
from fastapi import Depends, FastAPI
from flask import Flask
from litestar import Litestar
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
from starlette.routing import Mount, Route

import rightkey
from rightkey.integrations import aiohttp, django, drf, fastapi, flask, grpc, litestar, ninja, wsgi
from rightkey.integrations.asgi import RightKeyMiddleware, routed
from rightkey.integrations.starlette import RightKeyBackend

pytestmark = pytest.mark.slow

NONE = rightkey.KeySet(())
VERIFIER = rightkey.Verifier("any name", audience="a", keys=NONE)
ASYNC = rightkey.AsyncVerifier("any name", audience="a", keys=NONE)
SECRET = "secret"
TRICKS = [
    "/",
    "//open",
    "/open/",
    "/open//",
    "/open/.",
    "/open/..",
    "/open/../secret",
    "/open/%2e%2e/secret",
    "/open/%2E%2E%2Fsecret",
    "/open%2fsecret",
    "/open%2Fsecret",
    "/open%252fsecret",
    "/secret/%2e%2e/open",
    "/secret/../open",
    "/./open",
    "/%2e/open",
    "/%6fpen",
    "/OPEN",
    "/Open",
    "/open;a=b",
    "/open;/secret",
    "/secret;/open",
    "/open%00",
    "/open%00/secret",
    "/open%20",
    "/open%09",
    "/open%0a",
    "/open.",
    "/open.json",
    "/open%3f",
    "/open%23secret",
    "/open\\secret",
    "/%5copen",
    "/open%c0%ae%c0%ae/secret",
    "/op%C3%A9n",
    "/open:80/secret",
    "/@/open",
    "/secret?/open",
    "/secret?path=/open",
    "http://a.example/secret",
    "http://a.example/open/secret",
    "http://open/secret",
]


def with_asgi() -> Any:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"at": SECRET if request.scope["path"] != "/open" else "open"})

    guard = Middleware(RightKeyMiddleware, verifier=ASYNC, public=["/open"])
    return Starlette(routes=[Route("/open", answer), Route("/{rest:path}", answer)], middleware=[guard])


def with_asgi_by_raw_path() -> Any:
    """As BlackSheep and others route: percent-encoding is another letter to them."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        body = b"open" if scope["raw_path"] in (b"/open", b"/open/secret") else SECRET.encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return RightKeyMiddleware(answer, verifier=ASYNC, public=["/open", "/open/secret"])


def with_wsgi() -> Any:
    def answer(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"open" if environ["PATH_INFO"] == "/open" else SECRET.encode()]

    return wsgi.RightKeyMiddleware(answer, verifier=VERIFIER, public=["/open"])


def with_flask() -> Any:
    app = Flask("test")
    auth = flask.RightKey(app, verifier=VERIFIER)
    app.add_url_rule("/open", view_func=lambda: "open")
    protected = auth(lambda **_: SECRET)
    app.add_url_rule("/", "root", view_func=protected)
    app.add_url_rule("/<path:rest>", "rest", view_func=protected)
    return app


def answer_django(request: Any, rest: str = "") -> JsonResponse:
    return JsonResponse({"at": SECRET if request.path_info != "/open" else "open"})


OVERRIDES = ExitStack()
URLS = (path("open", answer_django), re_path("^(?P<rest>.*)$", answer_django))
GUARD = "rightkey.integrations.django.RightKeyMiddleware"


def configured(**given: Any) -> None:
    OVERRIDES.enter_context(override_settings(RIGHTKEY_VERIFIER=VERIFIER, **given))


def with_django() -> Any:
    configured(ROOT_URLCONF=URLS, MIDDLEWARE=[GUARD], RIGHTKEY_PUBLIC=["/open"])
    return WSGIHandler()


def with_django_async() -> Any:
    configured(ROOT_URLCONF=URLS, MIDDLEWARE=[GUARD], RIGHTKEY_PUBLIC=["/open"])
    return ASGIHandler()


def with_django_marks() -> Any:
    marked = (path("open", django.public(answer_django)), URLS[1])
    configured(ROOT_URLCONF=marked, MIDDLEWARE=[GUARD])
    return WSGIHandler()


def with_ninja() -> Any:
    configured(MIDDLEWARE=[])
    api = NinjaAPI(auth=ninja.RightKey(), urls_namespace="paths")

    @api.get("open")
    @ninja.public
    def opened(request: Any) -> str:
        return "open"

    @api.get("{path:rest}")
    def protected(request: Any, rest: str) -> str:
        return SECRET

    OVERRIDES.enter_context(override_settings(ROOT_URLCONF=(path("", api.urls),)))
    return WSGIHandler()


class Opened(APIView):
    def get(self, request: Any, rest: str = "") -> Response:
        return Response("open")


class Protected(APIView):
    permission_classes = (drf.Requires(),)

    def get(self, request: Any, rest: str = "") -> Response:
        return Response(SECRET)


def with_drf() -> Any:
    ours = {"authentication_classes": [drf.RightKeyAuthentication]}
    protected = re_path("^(?P<rest>.*)$", Protected.as_view(**ours))
    configured(ROOT_URLCONF=(path("open", Opened.as_view(**ours)), protected), MIDDLEWARE=[])
    return WSGIHandler()


def with_backend() -> Any:
    async def opened(request: Request) -> JSONResponse:
        return JSONResponse("open")

    @requires("authenticated", status_code=401)
    async def protected(request: Request) -> JSONResponse:
        return JSONResponse(SECRET)

    backend = RightKeyBackend(verifier=ASYNC)
    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
    return Starlette(routes=[Route("/open", opened), Route("/{rest:path}", protected)], middleware=[guard])


def with_fastapi() -> Any:
    app, auth = FastAPI(), fastapi.RightKey(verifier=ASYNC)
    app.get("/open")(lambda: "open")
    app.get("/{rest:path}", dependencies=[Depends(auth)])(lambda: SECRET)
    return app


def with_litestar() -> Any:
    @litestar_get("/open", exclude_from_auth=True)
    async def opened() -> str:
        return "open"

    @litestar_get(["/", "/{rest:path}"])
    async def protected() -> str:
        return SECRET

    return Litestar([opened, protected], plugins=[litestar.RightKey(verifier=ASYNC)])


def with_aiohttp() -> Any:
    app = web.Application()
    aiohttp.setup(app, verifier=ASYNC)

    async def opened(request: web.Request) -> web.StreamResponse:
        return web.Response(text="open")

    async def protected(request: web.Request) -> web.StreamResponse:
        return web.Response(text=SECRET)

    app.router.add_get("/open", aiohttp.public(opened))
    app.router.add_get("/{rest:.*}", protected)
    return app


EVERY = [
    with_asgi,
    with_asgi_by_raw_path,
    with_wsgi,
    with_flask,
    with_django,
    with_django_async,
    with_django_marks,
    with_ninja,
    with_drf,
    with_backend,
    with_fastapi,
    with_litestar,
    with_aiohttp,
]


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    with OVERRIDES:
        yield


def sent(url: str, target: str, *headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request whose target is exactly this."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=60) as sock:
        lines = [f"GET {target} HTTP/1.1", "Host: a.example", "Connection: close", *headers, "", ""]
        sock.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


@pytest.mark.parametrize("make", EVERY)
def test_no_trick_with_a_path_reaches_what_is_protected(
    make: Callable[[], Any], served: Callable[[Any], str]
) -> None:
    """And the public route is reached as it is written."""
    url = served(make())
    status, body = sent(url, "/open")
    assert (status, b"open" in body) == (200, True)
    reached = [target for target in TRICKS if SECRET.encode() in sent(url, target)[1]]
    assert reached == []


@pytest.mark.parametrize("make", [with_wsgi, with_django, with_flask])
def test_no_header_moves_a_path(make: Callable[[], Any], served: Callable[[Any], str]) -> None:
    """Those by which proxies and servers tell where an application is mounted, or what was asked for."""
    url = served(make())
    for header in (
        "SCRIPT_NAME: /open",
        "Script-Name: /open",
        "X-Script-Name: /open",
        "X-Forwarded-Prefix: /open",
        "X-Original-URL: /open",
        "X-Rewrite-URL: /open",
        "X-Forwarded-Path: /open",
        "PATH_INFO: /open",
        "Path-Info: /open",
        "X-HTTP-Method-Override: OPTIONS",
    ):
        assert SECRET.encode() not in sent(url, "/secret", header)[1], header


def asked(app: Any, **environ: str) -> str:
    told: list[str] = []
    given = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), **environ}
    b"".join(app(given, lambda status, headers, *_: told.append(status)))
    return told[0][:3]


@pytest.mark.parametrize(
    ("mounted", "below", "status"),
    [
        ("", "/open", "200"),
        ("/api", "/open", "200"),
        ("/open", "", "401"),
        ("/open", "/", "401"),
        ("/open", "/secret", "401"),
        ("/op", "en", "401"),
        ("", "open", "401"),
        ("/public", "/admin", "401"),
        ("", "/public/admin", "200"),
    ],
)
def test_where_a_wsgi_application_is_mounted_makes_nothing_public(
    mounted: str, below: str, status: str
) -> None:
    """gunicorn takes SCRIPT_NAME from a header: what counts is what the application routes by."""
    app = wsgi.RightKeyMiddleware(
        lambda environ, start: [start("200 OK", []), b""][1:],  # type: ignore[list-item]
        verifier=VERIFIER,
        public=["/open", "/public/admin"],
    )
    assert asked(app, SCRIPT_NAME=mounted, PATH_INFO=below) == status


@pytest.mark.parametrize(
    ("root", "whole", "route"),
    [
        ("", "/open", "/open"),
        ("/api", "/api/open", "/open"),
        ("/api", "/open", "/open"),
        ("/open", "/open", ""),
        ("/open", "/open/", "/"),
        ("/open", "/open/secret", "/secret"),
        ("/open", "/opensecret", "/opensecret"),
        ("/api/", "/api/open", "/api/open"),
    ],
)
def test_where_an_asgi_application_is_mounted_makes_nothing_public(root: str, whole: str, route: str) -> None:
    """What counts is what Starlette routes by, and others like it."""
    from starlette._utils import get_route_path

    scope = {"type": "http", "path": whole, "root_path": root, "headers": [], "method": "GET"}
    assert routed(scope) == get_route_path(scope) == route
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(get_route_path(scope))

    async def nothing(*_: Any) -> Any: ...

    guarded = RightKeyMiddleware(app, verifier=ASYNC, public=["/open"])
    asyncio.run(guarded(scope, nothing, nothing))
    assert reached == (["/open"] if route == "/open" else [])


def test_a_public_path_inside_of_a_mount_is_the_applications_own(served: Callable[[Any], str]) -> None:
    """As the application itself writes it, wherever it is mounted."""
    url = served(Starlette(routes=[Mount("/api", with_asgi_mounted())]))
    assert sent(url, "/api/open")[0] == 200
    for target in ("/api/secret", "/api/api/open", "/api//open", "/api/open/"):
        assert sent(url, target)[0] == 401


def with_asgi_mounted() -> Any:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({})

    routes = [Route("/open", answer), Route("/{rest:path}", answer)]
    return RightKeyMiddleware(Starlette(routes=routes), verifier=ASYNC, public=["/open"])


@pytest.mark.parametrize(
    "method",
    [
        "//a.B/C",
        "/a.B//C",
        "/a.B/C/",
        "/A.B/C",
        "/a.B/c",
        "/a.B/C;",
        "/a.B/C%00",
        "a.B/C",
        "/a.B/./C",
        "/x/../a.B/C",
    ],
)
def test_a_public_method_of_grpc_is_exactly_that(method: str) -> None:
    """Any other spelling is another method, and guarded."""
    rules = grpc._Rules(["/a.B/C"], {})
    assert rules.open_to_all("/a.B/C")
    assert not rules.open_to_all(method)

"""What services make of a path: none takes for a guarded one what the gateway takes for a public one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

import pytest
from django.urls import Resolver404, re_path
from django.urls import path as django_path
from django.urls.resolvers import RegexPattern, URLResolver
from falcon.routing import CompiledRouter
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from rightkey.gateway.dialect import OriginalRequest
from rightkey.gateway.routes import NoRoute, Route, Routes

PATHS = ("/orders", "/orders/items")
ROUTES = Routes([*map(Route, PATHS), Route("/*", public=True)])
Takes = Callable[[str], bool]


def view(*args: Any) -> Any:
    """Stands for one that must be guarded."""


def starlette() -> Takes:
    routes = [StarletteRoute(path, view) for path in PATHS]

    def takes(path: str) -> bool:
        scope = {"type": "http", "method": "GET", "path": unquote(path), "root_path": ""}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    return takes


def werkzeug() -> Takes:
    rules = Map([Rule(path, endpoint="view") for path in PATHS]).bind("api.example")

    def takes(path: str) -> bool:
        try:
            rules.match(unquote(path))
        except HTTPException:  # none, or a redirect, which is another request
            return False
        return True

    return takes


def django() -> Takes:
    patterns = [django_path(PATHS[0][1:], view), re_path(rf"^{PATHS[1][1:]}/?$", view)]
    resolver = URLResolver(RegexPattern(r"^/"), patterns)

    def takes(path: str) -> bool:
        try:
            resolver.resolve(unquote(path))
        except Resolver404:
            return False
        return True

    return takes


def falcon() -> Takes:
    router = CompiledRouter()
    for path in PATHS:
        router.add_route(path, type("Resource", (), {"on_get": view})())
    return lambda path: router.find(unquote(path)) is not None


def spellings() -> Iterator[str]:
    """With each octet, and each thing that some service skips or resolves, at each place."""
    odd = [f"%{octet:02X}" for octet in range(256)]
    odd += [chr(code) for code in range(0x21, 0x7F)]
    odd += ["//", "/./", "/../", "/..;/", ";x", "%252F", "%C0%AF", "%C2%A0", "%E2%80%8B", "%EF%BC%8F"]
    for path in PATHS:
        for one in odd:
            yield from (path[:at] + one + path[at:] for at in range(1, len(path) + 1))
            yield from (f"/{one}{path}", f"{path}/{one}", f"/other/{one}{path}")


@pytest.mark.parametrize("service", [starlette, werkzeug, django, falcon])
def test_no_service_takes_a_public_path_for_a_guarded_one(service: Callable[[], Takes]) -> None:
    """Whatever stands in it; and the guarded paths themselves it takes."""
    takes = service()
    assert [takes(path) for path in (*PATHS, "/other")] == [True, True, False]
    mistaken = [path for path in public_spellings() if takes(path)]
    assert mistaken == []


@cache
def public_spellings() -> list[str]:
    return [path for path in spellings() if is_public(path)]


def is_public(path: str) -> bool:
    try:
        return ROUTES.find(OriginalRequest("GET", path, "api.example")).public
    except NoRoute:
        return False

"""What every integration is built with: known settings, spelled right, and its framework."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette

import rightkey
from rightkey.integrations import (
    aiohttp,
    asgi,
    awslambda,
    fastapi,
    fastmcp,
    flask,
    grpc,
    litestar,
    mcp,
    settings,
    starlette,
    wsgi,
)

NAME = "tenant.example"
BUILD: list[Callable[..., Any]] = [
    lambda *args, **given: asgi.RightKeyMiddleware(Starlette(), *args, **given),
    lambda *args, **given: wsgi.RightKeyMiddleware(lambda *_: [], *args, **given),
    lambda *args, **given: flask.RightKey(Flask("test"), *args, **given),
    lambda *args, **given: aiohttp.setup(aiohttp.web.Application(), *args, **given),
    starlette.RightKeyBackend,
    fastapi.RightKey,
    litestar.RightKey,
    grpc.RightKeyInterceptor,
    grpc.AioRightKeyInterceptor,
    mcp.RightKeyVerifier,
    fastmcp.RightKeyVerifier,
]


@pytest.mark.parametrize("build", [*BUILD[:4], *BUILD[5:7], awslambda.protected, awslambda.authorizer])
@pytest.mark.parametrize("wrong", [None, "Bearer", {}, rightkey.integrations.bearer.Bearer], ids=str)
def test_a_bearer_that_is_none_is_told_when_it_is_given(build: Callable[..., Any], wrong: object) -> None:
    """And not with the first request."""
    with pytest.raises(rightkey.Misconfigured, match="bearer must be a Bearer"):
        build(NAME, audience="a", bearer=wrong)


@pytest.mark.parametrize("build", BUILD[:2])
@pytest.mark.parametrize("wrong", [None, 5, "/health", [5], object()], ids=str)
def test_public_must_be_a_list(build: Callable[..., Any], wrong: object) -> None:
    """Of paths, each a string."""
    with pytest.raises(rightkey.Misconfigured, match="public must be a list of paths"):
        build(NAME, audience="a", public=wrong)


@pytest.mark.parametrize("build", BUILD)
def test_a_misspelt_setting_is_refused_by_name(build: Callable[..., Any]) -> None:
    """With what it may have meant: a requirement that is misspelt must not end as none."""
    with pytest.raises(rightkey.Misconfigured, match="unknown setting requre=") as caught:
        build(NAME, audience="a", requre="x")
    assert caught.value.hint == "did you mean require=?"
    with pytest.raises(rightkey.Misconfigured, match="unknown setting audiance=") as caught:
        build(NAME, audiance="a")
    assert caught.value.hint == "did you mean audience=?"
    with pytest.raises(rightkey.Misconfigured, match="unknown setting zzz=") as caught:
        build(NAME, audience="a", zzz=1)
    assert ", audience, algorithms, " in (caught.value.hint or "")
    with pytest.raises(rightkey.Misconfigured, match="audience is missing") as caught:
        build(NAME)
    assert "rightkey.ANY" in (caught.value.hint or "")
    with pytest.raises(rightkey.Misconfigured, match="not both"):
        build(NAME, verifier=rightkey.Verifier(NAME, audience="a"))


@pytest.mark.parametrize("build", [BUILD[0], BUILD[1], BUILD[3], awslambda.protected])
@pytest.mark.parametrize("text", ["false", "0", "", None, 1])
def test_a_token_is_optional_where_true_says_so(build: Callable[..., Any], text: Any) -> None:
    """A variable's text would count as true, and let in requests without a token."""
    with pytest.raises(rightkey.Misconfigured, match="optional must be True or False"):
        build(NAME, audience="a", optional=text)


@pytest.mark.parametrize("name", ["cached", "simple"])
def test_an_authorizer_is_cached_where_true_says_so(name: str) -> None:
    """As above."""
    with pytest.raises(rightkey.Misconfigured, match=f"{name} must be True or False"):
        awslambda.authorizer(NAME, audience="a", **{name: "false"})


@pytest.mark.parametrize("build", [BUILD[0], BUILD[1], BUILD[3], fastapi.RightKey, litestar.RightKey])
def test_an_issuer_is_required_where_true_says_so(build: Callable[..., Any]) -> None:
    """The text `false` would keep a service from starting."""
    with pytest.raises(rightkey.Misconfigured, match="require_issuer must be True or False"):
        build(NAME, audience="a", require_issuer="false")


def test_a_parameter_of_the_integration_may_be_meant_too() -> None:
    """Such as the list of public paths."""
    with pytest.raises(rightkey.Misconfigured) as caught:
        wsgi.RightKeyMiddleware(lambda *_: [], NAME, audience="a", publc=["/a"])  # type: ignore[call-arg]
    assert caught.value.hint == "did you mean public=?"


@pytest.mark.parametrize(
    "path",
    [
        "health",
        "/docs/*",
        "/users/{id}",
        "/users/<int:id>",
        "/health?full=1",
        "https://a.example/health",
        "*",
    ],
)
def test_a_public_path_that_no_request_has_is_refused(path: str) -> None:
    """It would be an exemption that is never granted."""
    with pytest.raises(rightkey.Misconfigured, match="is not a path") as caught:
        wsgi.RightKeyMiddleware(lambda *_: [], NAME, audience="a", public=["/open", path])
    assert "begins with a slash" in str(caught.value.hint)


def test_a_public_path_may_be_any_that_is_routed() -> None:
    """Also the root of what is mounted, and one with a space in it."""
    assert settings.paths_of(["", "/", "/a b", "/caf\xe9"]) == {"", "/", "/a b", "/caf\xe9"}


def test_settings_are_those_of_the_verifiers() -> None:
    """None is missing here, and none is here alone."""
    for face in (rightkey.Verifier, rightkey.AsyncVerifier):
        taken = set(inspect.signature(face).parameters) - {"issuer", "settings"}
        known = set(settings.Settings.__annotations__)
        assert taken <= known


FRAMEWORKS = {
    "aiohttp": "aiohttp",
    "django": "django",
    "djangoconf": "django",
    "drf": "rest_framework",
    "fastapi": "fastapi",
    "fastmcp": "fastmcp",
    "flask": "flask",
    "grpc": "grpc",
    "litestar": "litestar",
    "mcp": "mcp",
    "ninja": "ninja",
    "spectacular": "drf_spectacular",
    "starlette": "starlette",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_missing_framework_names_the_extra_that_brings_it(name: str) -> None:
    """As pip takes it."""
    extra = {"djangoconf": "django"}.get(name, name)
    program = f"import sys; sys.modules[{FRAMEWORKS[name]!r}] = None\nimport rightkey.integrations.{name}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"install it with: pip install 'rightkey[{extra}]'" in run.stderr.splitlines()[-1]


def test_the_error_of_a_missing_module_stays_what_it_is() -> None:
    """With its name, for programs that look at it."""
    with pytest.raises(ModuleNotFoundError, match="rightkey\\[flask\\]") as caught, settings.extra("flask"):
        raise ModuleNotFoundError("No module named 'flask'", name="flask")
    assert caught.value.name == "flask"


@pytest.mark.parametrize("public", ["/health", b"/health", [b"/health"], [None]])
def test_public_is_a_list_of_paths(public: Any) -> None:
    """The letters of a single one would be paths."""
    with pytest.raises(rightkey.Misconfigured, match="public must be a list of paths"):
        settings.paths_of(public)

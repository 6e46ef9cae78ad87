"""What protection adds to a request: a route with it, beside the same route without.

    python -m bench.routes [--rounds 30]

An ASGI application is called as a server calls it, without one. Each protected route is asked with one
user's token, as access tokens of Auth0 are; "without memory" is a rightkey that remembers no token.
auth0-fastapi-api takes no issuer but one of https: its issuer is called so, and what fetches is handed in.

Annotations are not postponed here: FastAPI would look for what they name among globals.
"""

import argparse
import asyncio
import json
import logging
import warnings
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.contenders import Stage, pyjwt_client
from bench.measure import Batch, Spread, awaits_of, in_turns
from bench.report import Chart, Goal, Report, Table, command, versions
from rightkey import AsyncVerifier, Verified
from rightkey.exchange import Request as Asked
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.integrations.fastapi import RightKey
from rightkey.localissuer import LocalIssuer

CALLS = 100
"""Requests a round."""
PLAIN, BARE = "FastAPI alone", "Starlette alone"
PACKAGES = ("rightkey", "fastapi", "starlette", "PyJWT", "auth0-fastapi-api", "fastapi-azure-auth")
warnings.simplefilter("ignore")


def plain(stage: Stage) -> Any:
    app = FastAPI()

    @app.get("/me")
    async def me() -> str:
        return "alice"

    return app


def dependency(stage: Stage, **settings: Any) -> Any:
    app, auth = FastAPI(), RightKey(stage.url, audience=stage.issuer.audience, **settings)

    @app.get("/me")
    async def me(token: Annotated[Verified, Security(auth, scopes=["read:x"])]) -> str:
        return token.subject or ""

    return app


def pyjwt(stage: Stage) -> Any:
    """As FastAPI's own guide does it: in a thread of the pool, since its fetch blocks."""
    verify, bearer = pyjwt_client(stage), HTTPBearer()

    def authenticated(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Any:
        return authorized(verify(given.credentials))

    return pyjwt_route(authenticated)


def pyjwt_in_loop(stage: Stage) -> Any:
    """As many do it: the route is as fast as it gets, until a fetch stops every request."""
    verify, bearer = pyjwt_client(stage), HTTPBearer()

    async def authenticated(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Any:
        return authorized(verify(given.credentials))

    return pyjwt_route(authenticated)


def authorized(claims: dict[str, Any]) -> dict[str, Any]:
    if "read:x" not in claims["scope"].split():
        raise HTTPException(403)
    return claims


def pyjwt_route(authenticated: Callable[..., Any]) -> Any:
    app = FastAPI()

    @app.get("/me")
    async def me(claims: Annotated[dict[str, Any], Depends(authenticated)]) -> str:
        return str(claims["sub"])

    return app


def auth0_fastapi(stage: Stage) -> Any:
    from fastapi_plugin.fast_api_client import Auth0FastAPI

    transport = stage.issuer.transport()

    async def fetch(url: str) -> Any:
        return json.loads(transport.get(Asked(url)).body)

    domain = stage.url.removeprefix("https://").rstrip("/")
    auth = Auth0FastAPI(domain=domain, audience=stage.issuer.audience, custom_fetch=fetch)
    app = FastAPI()

    @app.get("/me")
    async def me(claims: Annotated[dict[str, Any], Depends(auth.require_auth(scopes="read:x"))]) -> str:
        return str(claims["sub"])

    return app


def azure(stage: Stage) -> Any:
    from fastapi_azure_auth.auth import AzureAuthorizationCodeBearerBase

    auth = AzureAuthorizationCodeBearerBase(
        stage.issuer.audience, tenant_id="t", openid_config_url=stage.issuer.urls["discovery"]
    )
    app = FastAPI()

    @app.get("/me")
    async def me(user: Annotated[Any, Security(auth, scopes=["read:x"])]) -> str:
        return str(user.sub)

    return app


def bare(stage: Stage) -> Any:
    async def me(request: Request) -> JSONResponse:
        return JSONResponse("alice")

    return Starlette(routes=[Route("/me", me)])


def middleware(stage: Stage, **settings: Any) -> Any:
    verifier = AsyncVerifier(
        stage.url, audience=stage.issuer.audience, require="read:x", transport=stage.transport, **settings
    )
    return RightKeyMiddleware(bare(stage), verifier=verifier)


APPLICATIONS: dict[str, Callable[[Stage], Any]] = {
    PLAIN: plain,
    "rightkey": dependency,
    "rightkey, without memory": lambda stage: dependency(stage, remember=0),
    "PyJWT, in a thread": pyjwt,
    "PyJWT, in the loop": pyjwt_in_loop,
    "auth0-fastapi-api": auth0_fastapi,
    "fastapi-azure-auth": azure,
    BARE: bare,
    "rightkey, middleware": middleware,
    "rightkey, middleware without memory": lambda stage: middleware(stage, remember=0),
}
HTTPS = {"auth0-fastapi-api"}
BASELINE = {name: BARE if "middleware" in name else PLAIN for name in APPLICATIONS}


async def ask(app: Any, token: str) -> None:
    """One request, answered with 200."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/me",
        "raw_path": b"/me",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    if statuses[0] != 200:
        raise RuntimeError(f"answered {statuses[0]}")


def measure(options: argparse.Namespace) -> Report:
    logging.disable()
    left_out = []
    with (
        LocalIssuer() as local,
        LocalIssuer(url="https://tenant.example/") as named,
        asyncio.Runner() as runner,
    ):
        batches: dict[str, Batch] = {}
        for name, make in APPLICATIONS.items():
            try:
                batches[name] = entered(make, named if name in HTTPS else local, runner)
            except ImportError as missing:
                left_out.append(f"{name} is not installed ({missing.name}).")
        samples = in_turns(batches, options.rounds, CALLS)
    took = {name: Spread.of(times) for name, times in samples.items()}
    added = {
        name: 1e6 * (spread.median - took[BASELINE[name]].median)
        for name, spread in took.items()
        if name not in (PLAIN, BARE)
    }
    figures = {"microseconds": {name: one.microseconds() for name, one in took.items()}, "added": added}
    rows = [
        (
            name,
            f"{1e6 * one.median:.0f}",
            f"{1e6 * one.low:.0f} to {1e6 * one.high:.0f}",
            f"{added[name]:.0f}" if name in added else "",
        )
        for name, one in took.items()
    ]
    table = Table("One request", ("who", "median, us", "quartiles, us", "added, us"), rows)
    chart = Chart("routes", "What protection adds to a request", "microseconds", added)
    others = [cost for name, cost in added.items() if not name.startswith("rightkey")]
    found = f"{added['rightkey']:.0f} us, others from {min(others):.0f} us"
    goal = Goal("the FastAPI dependency adds", "less than any other", found, added["rightkey"] < min(others))
    return Report(
        "routes", figures, [table], charts=[chart], goals=[goal], notes=left_out, versions=versions(*PACKAGES)
    )


def entered(make: Callable[[Stage], Any], issuer: LocalIssuer, runner: asyncio.Runner) -> Batch:
    """Asked once, so that the keys are at hand."""
    app = make(Stage.of(issuer))
    token = issuer.token(
        sub="auth0|5f7c8ec7c33c6c004bbafe82",
        azp="mQ7lUv6nW3Jq0sGJdSlmSZPkJvyKcSBN",
        scope="openid profile read:x",
        scp="read:x",
        ver="2.0",
        nbf=int(issuer.clock()),
    )
    runner.run(ask(app, token))
    return awaits_of(lambda raw: ask(app, raw), token, runner)


if __name__ == "__main__":
    command(__doc__, measure, lambda parser: parser.add_argument("--rounds", type=int, default=30))

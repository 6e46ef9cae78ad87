"""Small services for `bench.drill`: one route that wants a token, verified as each library's users do it.

    python -m bench.services NAME PORT ISSUER AUDIENCE JWKS_URI LIFE

Whatever a library raises for a token is answered with 401, and what else it raises with 500, as frameworks
do. Annotations are not postponed here: FastAPI would look for what they name among globals.
"""

import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench import contenders

Verify = Callable[[str], Awaitable[Any]]
TIMEOUT = 5.0  # seconds for those that leave fetching to their users


class Told(NamedTuple):
    """What a service is told of its issuer; to contenders it stands for the issuer, too."""

    url: str
    audience: str
    jwks_uri: str
    life: float
    alg: str = "RS256"

    @property
    def issuer(self) -> "Told":
        return self


def app(verify: Verify, refusals: tuple[type[Exception], ...]) -> Starlette:
    """`refusals` are what the library's users answer with 401."""

    async def me(request: Request) -> JSONResponse:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return JSONResponse("no token", 401, {"www-authenticate": "Bearer"})
        try:
            await verify(token)
        except refusals:
            return JSONResponse("refused", 401, {"www-authenticate": 'Bearer error="invalid_token"'})
        return JSONResponse("welcome")

    return Starlette(routes=[Route("/me", me)])


def threaded(verify: contenders.Verify) -> Verify:
    return lambda token: run_in_threadpool(verify, token)


def rightkey(told: Told) -> Any:
    from fastapi import Depends, FastAPI

    from bench.players import freshness
    from rightkey import Verified
    from rightkey.integrations.fastapi import RightKey

    auth = RightKey(told.url, audience=told.audience, freshness=freshness(told.life))
    service = FastAPI(lifespan=auth.lifespan)

    @service.get("/me")
    async def me(token: Annotated[Verified, Depends(auth)]) -> str:
        return token.subject or ""

    return service


def pyjwt(told: Told) -> Any:
    import jwt

    return app(threaded(contenders.pyjwt_client(told, lifespan=told.life)), (jwt.PyJWTError,))


def joserfc(told: Told) -> Any:
    """It fetches nothing: the set is kept for its life, and fetched by httpx."""
    import httpx
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": told.url},
        aud={"essential": True, "value": told.audience},
        exp={"essential": True},
    )
    held: list[Any] = [None, 0.0]

    def verify(token: str) -> None:
        if held[0] is None or time.monotonic() > held[1]:
            answer = httpx.get(told.jwks_uri, timeout=TIMEOUT).raise_for_status()
            held[:] = [KeySet.import_key_set(answer.json()), time.monotonic() + told.life]
        claims.validate(jwt.decode(token, held[0], algorithms=[told.alg]).claims)

    return app(threaded(verify), (JoseError, ValueError))


def auth0_api(told: Told) -> Any:
    from auth0_api_python import ApiClient, ApiClientOptions
    from auth0_api_python.errors import BaseAuthError

    client = ApiClient(
        ApiClientOptions(
            domain=told.url.removeprefix("https://").rstrip("/"),
            audience=told.audience,
            cache_ttl_seconds=max(1, int(told.life)),
        )
    )
    return app(client.verify_access_token, (BaseAuthError,))


def fastmcp(told: Told) -> Any:
    return app(contenders.fastmcp_client(told, life=told.life), (ValueError,))


SERVICES: dict[str, Callable[[Told], Any]] = {
    "rightkey": rightkey,
    "PyJWT": pyjwt,
    "joserfc": joserfc,
    "auth0-api-python": auth0_api,
    "FastMCP": fastmcp,
}


def main() -> None:
    name, port, url, audience, jwks_uri, life = sys.argv[1:]
    logging.disable()
    told = Told(url, audience, jwks_uri, float(life))
    uvicorn.run(SERVICES[name](told), port=int(port), log_level="critical", access_log=False)


if __name__ == "__main__":
    main()

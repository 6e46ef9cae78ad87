"""Starlette, or any ASGI application: `uvicorn starlette_app:app`."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rightkey import AsyncVerifier
from rightkey.integrations.asgi import Readiness, RightKeyMiddleware

verifier = AsyncVerifier("tenant.eu.auth0.com", audience="https://api.example.com")


async def me(request: Request) -> JSONResponse:
    return JSONResponse({"subject": request.state.token.subject})


app = Starlette(
    routes=[Route("/me", me), Route("/ready", Readiness(verifier))],
    middleware=[Middleware(RightKeyMiddleware, verifier=verifier, public=["/ready"])],
)

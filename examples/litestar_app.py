"""Litestar: `uvicorn litestar_app:app`."""

from typing import Any

from litestar import Litestar, Request, get

from rightkey.integrations.litestar import RightKey

auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")


@get("/me")
async def me(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"subject": request.auth.subject}


@get("/appointments", guards=[auth.require("read:appointments")], responses=auth.responses)
async def read(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"subject": request.auth.subject}


@get("/health", exclude_from_auth=True)
async def health() -> None: ...


app = Litestar([me, read, health], plugins=[auth])

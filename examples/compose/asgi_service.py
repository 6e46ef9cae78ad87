"""FastAPI, configured by the environment alone: `uvicorn asgi_service:app`."""

from typing import Annotated

from fastapi import Depends, FastAPI
from prometheus_client import make_asgi_app
from watched import watched

from rightkey import Verified, role
from rightkey.integrations.fastapi import RightKey

metrics = make_asgi_app(watched())
auth = RightKey()
app = FastAPI(lifespan=auth.lifespan)
app.mount("/metrics", metrics)


@app.get("/me")
async def me(token: Annotated[Verified, Depends(auth)]) -> dict[str, str | None]:
    return {"subject": token.subject}


@app.get("/reports")
async def reports(token: Annotated[Verified, Depends(auth.require(role("reader")))]) -> dict[str, str | None]:
    return {"for": token.subject}

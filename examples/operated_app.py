"""FastAPI with a log on stderr and metrics at /metrics: `uvicorn operated_app:app`."""

import logging
from typing import Annotated

from fastapi import Depends, FastAPI
from prometheus_client import make_asgi_app

from rightkey import Verified
from rightkey.events import subscribe
from rightkey.integrations.fastapi import RightKey
from rightkey.telemetry import Prometheus

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
subscribe(Prometheus())
auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")
app = FastAPI(lifespan=auth.lifespan)
app.mount("/metrics", make_asgi_app())


@app.get("/me")
async def me(token: Annotated[Verified, Depends(auth)]) -> dict[str, str | None]:
    return {"subject": token.subject}

"""FastAPI: `uvicorn fastapi_app:app`."""

from typing import Annotated

from fastapi import Depends, FastAPI, Security

from rightkey import Verified, any_of, role
from rightkey.integrations.fastapi import RightKey

auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")
app = FastAPI(lifespan=auth.lifespan)


@app.get("/me")
async def me(token: Annotated[Verified, Depends(auth)]) -> dict[str, str | None]:
    return {"subject": token.subject}


@app.get("/appointments")
async def read(token: Annotated[Verified, Security(auth, scopes=["read:appointments"])]) -> list[str]:
    return sorted(token.scopes)


@app.delete("/appointments", dependencies=[Depends(auth.require(any_of("admin", role("owner"))))])
async def delete() -> None: ...

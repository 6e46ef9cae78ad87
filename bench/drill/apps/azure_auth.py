"""fastapi-azure-auth for any metadata URL, on FastAPI; it loads keys at the start, as its README says."""

import sys
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Security
from fastapi_azure_auth import B2CMultiTenantAuthorizationCodeBearer

port, _jwks_uri, issuer, audience = sys.argv[1:]


async def issuer_of(tid):
    return issuer


azure = B2CMultiTenantAuthorizationCodeBearer(
    app_client_id=audience,
    openid_config_url=f"{issuer}/.well-known/openid-configuration",
    openapi_authorization_url=f"{issuer}/authorize",
    openapi_token_url=f"{issuer}/token",
    scopes={},
    iss_callable=issuer_of,
)


@asynccontextmanager
async def lifespan(_app):
    await azure.openid_config.load_config()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/me", dependencies=[Security(azure)])
async def me():
    return "welcome"


uvicorn.run(app, port=int(port), log_level="warning")

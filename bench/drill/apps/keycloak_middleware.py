"""fastapi-keycloak-middleware on FastAPI."""

import sys

import uvicorn
from fastapi import FastAPI
from fastapi_keycloak_middleware import KeycloakConfiguration, setup_keycloak_middleware

port, _jwks_uri, issuer, audience = sys.argv[1:]
base, _, realm = issuer.partition("/realms/")
app = FastAPI()
setup_keycloak_middleware(
    app,
    keycloak_configuration=KeycloakConfiguration(
        url=f"{base}/", realm=realm, client_id=audience, client_secret="secret", verify=False
    ),
)


@app.get("/me")
async def me():
    return "welcome"


uvicorn.run(app, port=int(port), log_level="warning")

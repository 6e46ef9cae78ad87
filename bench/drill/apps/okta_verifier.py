"""okta-jwt-verifier on FastAPI."""

import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from okta_jwt_verifier import AccessTokenVerifier
from okta_jwt_verifier.exceptions import JWTValidationException

port, _jwks_uri, issuer, audience = sys.argv[1:]
app = FastAPI()
verifier = AccessTokenVerifier(issuer=issuer, audience=audience)


@app.get("/me")
async def me(request: Request):
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    try:
        await verifier.verify(token)
    except JWTValidationException:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None
    return "welcome"


uvicorn.run(app, port=int(port), log_level="warning")

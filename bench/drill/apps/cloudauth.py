"""fastapi-cloudauth's Auth0 on FastAPI; it loads keys when it is imported."""

import sys
from urllib.parse import urlsplit

import uvicorn
from fastapi import Depends, FastAPI
from fastapi_cloudauth.auth0 import Auth0

port, _jwks_uri, issuer, audience = sys.argv[1:]
auth = Auth0(domain=urlsplit(issuer).netloc, customAPI=audience)
app = FastAPI()


@app.get("/me", dependencies=[Depends(auth)])
def me():
    return "welcome"


uvicorn.run(app, port=int(port), log_level="warning")

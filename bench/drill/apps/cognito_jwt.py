"""cognitojwt on Flask; AWS_COGNITO_JWKS_PATH names the keys, as its README has it for tests."""

import os
import sys

port, jwks_uri, issuer, audience = sys.argv[1:]
os.environ["AWS_COGNITO_JWKS_PATH"] = jwks_uri

import cognitojwt  # it reads the variable when it is imported
from flask import Flask, request

app = Flask(__name__)


@app.get("/me")
def me():
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return "no token", 401, {"WWW-Authenticate": "Bearer"}
    try:
        cognitojwt.decode(token, "local-1", "local-1_Local0000", app_client_id=audience)
    except (cognitojwt.CognitoJWTException, ValueError):
        return "refused", 401, {"WWW-Authenticate": "Bearer"}
    return "welcome"


app.run(port=int(port), threaded=True)

"""google-auth's verify_token on Flask: what it documents to raise is refused."""

import sys

from flask import Flask, request
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

port, jwks_uri, issuer, audience = sys.argv[1:]
app = Flask(__name__)


@app.get("/me")
def me():
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return "no token", 401, {"WWW-Authenticate": "Bearer"}
    try:
        claims = id_token.verify_token(token, Request(), audience=audience, certs_url=jwks_uri)
        if claims.get("iss") != issuer:
            raise GoogleAuthError
    except (ValueError, GoogleAuthError):
        return "refused", 401, {"WWW-Authenticate": "Bearer"}
    return "welcome"


app.run(port=int(port), threaded=True)

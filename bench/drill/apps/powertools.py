"""Powertools for AWS Lambda, its JWTVerifier, on Flask instead of a function's events."""

import sys

from aws_lambda_powertools.utilities.auth_alpha.exceptions import AuthError
from aws_lambda_powertools.utilities.auth_alpha.jwt import JWTVerifier
from flask import Flask, request

port, jwks_uri, issuer, audience = sys.argv[1:]
app = Flask(__name__)
verifier = JWTVerifier(
    issuer=issuer, audience=audience, algorithms=["RS256"], jwks_uri=jwks_uri, jwks_max_age_seconds=2
)


@app.get("/me")
def me():
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return "no token", 401, {"WWW-Authenticate": "Bearer"}
    try:
        verifier.verify(token)
    except AuthError as error:
        return "refused", 503 if error.retryable else 401, {"WWW-Authenticate": "Bearer"}
    return "welcome"


app.run(port=int(port), threaded=True)

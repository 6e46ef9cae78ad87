"""Authlib's ResourceProtector with its validator for RFC 9068, on Flask. It leaves fetching to its users."""

import sys
import time

import requests
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask

port, jwks_uri, issuer, audience = sys.argv[1:]
held = [None, 0.0]


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        if time.monotonic() > held[1]:
            held[:] = [requests.get(jwks_uri, timeout=4).json(), time.monotonic() + 2]
        return held[0]


protect = ResourceProtector()
protect.register_token_validator(Validator(issuer=issuer, resource_server=audience))
app = Flask(__name__)


@app.get("/me")
@protect()
def me():
    return "welcome"


app.run(port=int(port), threaded=True)

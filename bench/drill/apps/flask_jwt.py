"""Flask-JWT-Extended with PyJWT's client for key sets, on Flask's own server."""

import sys

from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required
from jwt import PyJWKClient

port, jwks_uri, issuer, audience = sys.argv[1:]
app = Flask(__name__)
app.config.update(JWT_ALGORITHM="RS256", JWT_DECODE_AUDIENCE=audience, JWT_DECODE_ISSUER=issuer)
manager = JWTManager(app)
client = PyJWKClient(jwks_uri, lifespan=2)


@manager.decode_key_loader
def key(header, _payload):
    return client.get_signing_key(header["kid"]).key


@app.get("/me")
@jwt_required()
def me():
    return "welcome"


app.run(port=int(port), threaded=True)

"""Any WSGI application: `gunicorn --workers 2 wsgi_app:app`."""

import json

from rightkey import Verifier
from rightkey.integrations.wsgi import Readiness, RightKeyMiddleware

verifier = Verifier("tenant.eu.auth0.com", audience="https://api.example.com")
ready = Readiness(verifier)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/ready":
        return ready(environ, start_response)
    content = json.dumps({"subject": environ["rightkey.token"].subject}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


app = RightKeyMiddleware(application, verifier=verifier, public=["/ready"])

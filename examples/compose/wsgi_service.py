"""Flask, configured by the environment alone: `gunicorn wsgi_service:app`."""

from flask import Flask
from prometheus_client import make_wsgi_app
from watched import watched
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rightkey import role
from rightkey.integrations.flask import RightKey

metrics = make_wsgi_app(watched())
app = Flask(__name__)
auth = RightKey(app)
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": metrics})


@app.get("/me")
@auth
def me() -> dict[str, str | None]:
    return {"subject": auth.token.subject}


@app.get("/reports")
@auth.require(role("reader"))
def reports() -> dict[str, str | None]:
    return {"for": auth.token.subject}

"""Flask: `flask --app flask_app run`."""

from flask import Flask

from rightkey.integrations.flask import RightKey

app = Flask(__name__)
auth = RightKey(app, "tenant.eu.auth0.com", audience="https://api.example.com")


@app.get("/me")
@auth
def me() -> dict[str, str | None]:
    return {"subject": auth.token.subject}


@app.get("/appointments")
@auth.require("read:appointments")
def read() -> dict[str, str | None]:
    return {"subject": auth.token.subject}

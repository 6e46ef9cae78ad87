"""The Flask extension: decorators, the token at hand, configuration, and its override in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

import rightkey
from rightkey.integrations.bearer import Bearer, cookie
from rightkey.integrations.flask import RightKey
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"
EXAMPLE = Path(__file__).parents[2] / "examples" / "flask_app.py"


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def app_with(auth: RightKey) -> Flask:
    app = Flask("test")

    @app.get("/")
    @auth
    def whose() -> Any:
        return {"subject": auth.token.subject}

    @app.get("/optional")
    @auth.optional
    def optional() -> Any:
        return {"subject": auth.token.subject}

    @app.get("/open")
    @auth.optional
    def open_to_all() -> Any:
        token = auth.token_or_none
        return {"subject": token and token.subject}

    @app.get("/inner")
    @auth
    def inner() -> Any:
        auth.token.require("inner")
        return {}

    @app.get("/scoped")
    @auth.require("a", "b")
    def scoped() -> Any:
        return {"subject": auth.token.subject}

    return app


def test_the_example_runs(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """As it stands, but for the issuer's name."""
    source = EXAMPLE.read_text(encoding="utf-8").replace('"tenant.eu.auth0.com"', repr(issuer.url))
    names: dict[str, Any] = {"__name__": "flask_app"}
    exec(source, names)
    with httpx.Client(base_url=served(names["app"]), trust_env=False, verify=False, timeout=60) as client:
        client.headers = bearer(issuer.token(sub="alice", scope="read:appointments"))
        assert client.get("/me").json() == client.get("/appointments").json() == {"subject": "alice"}
        assert client.get("/appointments", headers=bearer(issuer.token())).status_code == 403


def test_the_configuration_says_and_the_environment_where_it_does_not(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `app.config` has it: texts, numbers and lists."""
    monkeypatch.setenv("RIGHTKEY_ISSUER", issuer.url)
    monkeypatch.setenv("RIGHTKEY_LEEWAY", "five")
    auth = RightKey()
    app = app_with(auth)
    app.config.update(RIGHTKEY_AUDIENCE=["other", AUDIENCE], RIGHTKEY_LEEWAY=0, RIGHTKEY_REQUIRE=None)
    auth.init_app(app)
    answer = app.test_client().get("/", headers=bearer(issuer.token(sub="alice")))
    assert answer.json == {"subject": "alice"}
    app.config["RIGHTKEY_LEEWAY"] = 900
    RightKey(Flask("another"), issuer.url, audience=AUDIENCE)  # by what is given in code alone
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_LEEWAY"):
        auth.init_app(app)


def test_either_a_verifier_or_its_settings(issuer: LocalIssuer) -> None:
    """Not both."""
    verifier = rightkey.Verifier(issuer.url, audience=AUDIENCE)
    for settings in ({"issuer": issuer.url}, {"audience": AUDIENCE}):
        with pytest.raises(rightkey.Misconfigured, match="not both"):
            RightKey(verifier=verifier, **settings)
    with pytest.raises(rightkey.Misconfigured, match="audience is missing"):
        RightKey(issuer=issuer.url)
    auth = RightKey(verifier=verifier)
    app = app_with(auth)
    auth.init_app(app)
    assert app.test_client().get("/", headers=bearer(issuer.token())).status_code == 200


def test_where_a_token_is_optional_a_bad_one_is_still_refused(issuer: LocalIssuer) -> None:
    """And to ask for the token where there is none is to require one."""
    auth = RightKey(verifier=rightkey.Verifier(issuer.url, audience=AUDIENCE))
    app = app_with(auth)
    auth.init_app(app)
    client = app.test_client()
    assert client.get("/open").json == {"subject": None}
    assert client.get("/open", headers=bearer(issuer.token(sub="alice"))).json == {"subject": "alice"}
    assert client.get("/optional", headers=bearer(issuer.token(sub="alice"))).json == {"subject": "alice"}
    assert client.get("/open", headers=bearer(issuer.attack("expired"))).status_code == 401
    assert client.get("/optional").headers["www-authenticate"] == "Bearer"


def test_a_token_is_of_one_request(issuer: LocalIssuer) -> None:
    """Though a test has one context for several."""
    auth = RightKey(verifier=rightkey.Verifier(issuer.url, audience=AUDIENCE))
    app = app_with(auth)
    auth.init_app(app)
    with app.app_context():
        client = app.test_client()
        assert client.get("/", headers=bearer(issuer.token(sub="alice"))).status_code == 200
        assert client.get("/optional").status_code == 401


def test_what_a_view_asks_itself_is_answered_alike(issuer: LocalIssuer) -> None:
    """With the scope that is missing; and a route says in advance which scopes it asks for."""
    auth = RightKey(verifier=rightkey.Verifier(issuer.url, audience=AUDIENCE))
    app = app_with(auth)
    auth.init_app(app)
    client = app.test_client()
    answer = client.get("/inner", headers=bearer(issuer.token()))
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"].endswith('scope="inner"')
    assert client.get("/scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
    with pytest.raises(rightkey.Misconfigured):
        auth.require(5)  # type: ignore[arg-type]


def test_a_cookie_carries_by_choice(issuer: LocalIssuer) -> None:
    """Then the Authorization header is not looked at."""
    app = Flask("test")
    auth = RightKey(app, issuer.url, audience=AUDIENCE, bearer=Bearer(cookie("session")))
    app.get("/")(auth(lambda: {"subject": auth.token.subject}))
    client = app.test_client()
    assert client.get("/", headers=bearer(issuer.token())).status_code == 401
    client.set_cookie("session", issuer.token(sub="alice"))
    assert client.get("/").json == {"subject": "alice"}


def test_a_test_overrides_it_in_one_line(issuer: LocalIssuer) -> None:
    """By a verifier before an issuer of its own."""
    auth = RightKey(verifier=rightkey.Verifier("tenant.example", audience="https://api.example.com"))
    app = app_with(auth)
    auth.init_app(app)
    app.extensions["rightkey"] = rightkey.Verifier(
        issuer.url, audience=AUDIENCE, transport=issuer.transport()
    )
    answer = app.test_client().get("/", headers=bearer(issuer.token(sub="alice")))
    assert answer.json == {"subject": "alice"}

"""The guides for those who come from elsewhere: the code before and after answers the same requests alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rightkey.localissuer import LocalIssuer, fault

PAGE = Path(__file__).parents[2] / "docs" / "moving.md"
PYJWT, AFTER_PYJWT, AUTH0, AFTER_AUTH0 = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
OURS = (AFTER_PYJWT, AFTER_AUTH0)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]  # of Authlib, by auth0-api-python


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIssuer]:
    """Of https, for who takes no other; everybody here trusts it."""
    with LocalIssuer(tls=True) as issuer:
        monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
        yield issuer


def client(source: str, issuer: LocalIssuer) -> TestClient:
    """Of the page's application, but for the issuer's name."""
    names: dict[str, Any] = {}
    exec(source.replace("tenant.eu.auth0.com", f"127.0.0.1:{issuer.port}"), names)
    return TestClient(names["app"])


def ask(app: TestClient, token: str | None) -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return app.get("/appointments", headers=headers)


@pytest.mark.parametrize("source", [PYJWT, AFTER_PYJWT, AUTH0, AFTER_AUTH0])
def test_before_and_after_answer_alike(source: str, issuer: LocalIssuer) -> None:
    """Good, expired, with too little in it, and forged."""
    app = client(source, issuer)
    good = ask(app, issuer.token(sub="alice", scope="read:appointments"))
    assert (good.status_code, good.json()) == (200, {"for": "alice"})
    assert ask(app, issuer.attack("expired", sub="alice", scope="read:appointments")).status_code == 401
    assert ask(app, issuer.attack("alg-none", scope="read:appointments")).status_code == 401
    assert ask(app, issuer.token(sub="alice", scope="other")).status_code == 403


def test_the_differences_are_those_told(issuer: LocalIssuer) -> None:
    """Without a token, and while the issuer is out of reach."""
    without = [ask(client(source, issuer), None).status_code for source in (PYJWT, *OURS, AUTH0)]
    assert without == [401, 401, 401, 400]
    for endpoint in ("discovery", "jwks"):
        issuer.misbehave(endpoint, fault("status"))
    token = issuer.token(sub="alice", scope="read:appointments")
    outage = [ask(client(source, issuer), token).status_code for source in (PYJWT, *OURS, AUTH0)]
    assert outage == [401, 503, 503, 401]


def test_a_new_key_is_found_at_once_by_ours_alone(issuer: LocalIssuer) -> None:
    """Of two that hold keys of a moment ago."""
    statuses = []
    for source in (AFTER_AUTH0, AUTH0):
        app = client(source, issuer)
        assert ask(app, issuer.token(sub="alice", scope="read:appointments")).status_code == 200
        issuer.rotate(surprise=True)
        statuses.append(ask(app, issuer.token(sub="alice", scope="read:appointments")).status_code)
    assert statuses == [200, 401]


def test_pyjwt_accepts_a_token_that_never_expires(issuer: LocalIssuer) -> None:
    """And a logout token, as the page says."""
    for token in (
        issuer.token(sub="alice", scope="read:appointments", exp=None),
        issuer.attack("typ-logout", sub="alice", scope="read:appointments"),
    ):
        before, after = (ask(client(source, issuer), token).status_code for source in (PYJWT, AFTER_PYJWT))
        assert (before, after) == (200, 401)

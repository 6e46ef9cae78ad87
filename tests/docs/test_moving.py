"""The guides for those who come from elsewhere: both sides run, and clients see what the guide says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rightkey.localissuer import LocalIssuer, fault

GUIDES = Path(__file__).parents[2] / "docs" / "moving"
PEERS = {
    "pyjwt": "jwt",
    "python-jose": "jose",
    "authlib": "authlib",
    "fastapi-azure-auth": "fastapi_azure_auth",
    "auth0-fastapi-api": "fastapi_plugin",
}
"""What each guide's code before imports."""
STAND_IN = "tenant.eu.auth0.com"
ENTRA_AUDIENCE = "11112222-bbbb-3333-cccc-4444dddd5555"
ENTRA = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Authlib, by auth0-api-python
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Ask = Callable[[str | None], int]


def claims(scope: str = "read:appointments") -> dict[str, Any]:
    """All that one of them asks for."""
    return {"sub": "alice", "scope": scope, "scp": scope, "ver": "2.0", "tid": "t", "nbf": int(time.time())}


def good(issuer: LocalIssuer, **changed: Any) -> str:
    return issuer.token(**claims() | changed)


def rotated(issuer: LocalIssuer, ask: Ask) -> int:
    """A token by a key that came without notice, after one by a key that is held."""
    assert ask(good(issuer)) == 200
    issuer.rotate(surprise=True)
    return ask(good(issuer))


def down(issuer: LocalIssuer, ask: Ask) -> int:
    """The same, while the issuer does not answer."""
    assert ask(good(issuer)) == 200
    issuer.rotate(surprise=True)
    for endpoint in ("discovery", "jwks"):
        issuer.misbehave(endpoint, fault("status"))
    return ask(good(issuer))


REQUESTS: dict[str, Callable[[LocalIssuer, Ask], int]] = {
    "a good token": lambda issuer, ask: ask(good(issuer)),
    "no token": lambda issuer, ask: ask(None),
    "an expired token": lambda issuer, ask: ask(issuer.attack("expired", **claims())),
    "a forged token": lambda issuer, ask: ask(issuer.attack("wrong-key", **claims())),
    "a token for another API": lambda issuer, ask: ask(good(issuer, aud="https://other.example")),
    "a token without the scope": lambda issuer, ask: ask(good(issuer, **claims("other"))),
    "a token without `exp`": lambda issuer, ask: ask(good(issuer, exp=None)),
    "a token without `aud`": lambda issuer, ask: ask(good(issuer, aud=None)),
    "a logout token": lambda issuer, ask: ask(issuer.attack("typ-logout", **claims())),
    "a token by a new key, at once": rotated,
    "the same, while the issuer is down": down,
}


def blocks(guide: str) -> list[str]:
    page = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def seen(guide: str) -> dict[str, list[str]]:
    """The statuses before and after that a guide states, by the request."""
    page = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    table = page.partition("## What clients see\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (\d{3}) \| (\d{3}) \|$", table, re.MULTILINE)
    return {request: [before, after] for request, before, after in rows}


@contextmanager
def service(source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LocalIssuer, Ask]]:
    """A guide's application, but for the issuer's name: it speaks https, and everyone here trusts it."""
    entra = ENTRA in source or "fastapi_azure_auth" in source
    audience = ENTRA_AUDIENCE if entra else "https://api.example.com"
    with LocalIssuer(tls=True, dress="entra" if entra else "auth0", audience=audience) as issuer:
        monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
        names: dict[str, Any] = {}
        exec(source.replace(ENTRA, issuer.url).replace(STAND_IN, f"127.0.0.1:{issuer.port}"), names)
        if azure := names.get("azure"):
            azure.openid_config.config_url = issuer.urls["discovery"]  # of Microsoft's host, else
        app = names["app"]
        client = app.test_client() if hasattr(app, "test_client") else TestClient(app)

        def ask(token: str | None) -> int:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            return int(client.get("/appointments", headers=headers).status_code)

        yield issuer, ask


def test_every_guide_is_tested() -> None:
    """And says what clients see."""
    assert {page.stem for page in GUIDES.glob("*.md")} == set(PEERS)
    assert all(list(seen(guide)) == list(REQUESTS) for guide in PEERS)


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize("guide", PEERS)
def test_clients_see_what_the_guide_says(
    guide: str, request_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, and after."""
    pytest.importorskip(PEERS[guide])
    found = []
    for source in blocks(guide)[:2]:
        with service(source, monkeypatch) as (issuer, ask):
            found.append(str(REQUESTS[request_of](issuer, ask)))
    assert found == seen(guide)[request_of]


@pytest.mark.parametrize("guide", PEERS)
def test_further_code_runs(guide: str) -> None:
    """What stands on a guide below the two."""
    names: dict[str, Any] = {}
    for source in blocks(guide)[1:]:
        exec(source, names)
    assert "app" in names

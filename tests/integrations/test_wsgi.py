"""The WSGI middleware: public paths, optional tokens, the start, and readiness."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import rightkey
from rightkey.integrations.bearer import Bearer, cookie, header, query
from rightkey.integrations.wsgi import Readiness, RightKeyMiddleware
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def whose(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    token = environ["rightkey.token"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"nobody" if token is None else token.subject.encode()]


def get(url: str, token: str | None = None, **headers: str) -> httpx.Response:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
        return client.get(url, headers=headers)


def test_a_public_path_is_exactly_that(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """What begins alike is not; and no token is looked for there."""
    url = served(RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE, public=["/open", "/straße"]))
    for path in ("/open", "/stra%C3%9Fe"):
        assert (get(url + path).text, get(url + path, "bad").text) == ("nobody", "nobody")
    for path in ("/", "/open/", "/openly", "/open%20", "/stra%DFe"):
        assert get(url + path).status_code == 401
    with pytest.raises(rightkey.Misconfigured, match="public must be a list of paths"):
        RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE, public="/open")


def test_a_public_path_is_the_one_that_the_application_routes_by() -> None:
    """Wherever it is mounted: some servers take `SCRIPT_NAME` from a header."""
    verifier = rightkey.Verifier("any name", audience="a", keys=rightkey.KeySet(()))
    app = RightKeyMiddleware(whose, verifier=verifier, public=["/open", "/public/admin"])
    answers = [
        asked(app, SCRIPT_NAME=mounted, PATH_INFO=path)[0][:3]
        for mounted, path in (("/api", "/open"), ("", "/open"), ("/public", "/admin"), ("/open", ""))
    ]
    assert answers == ["200", "200", "401", "401"]


def asked(app: Any, **environ: str) -> tuple[str, bytes]:
    """Status and body of an answer, as a server would ask for it."""
    told: list[str] = []
    given = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), **environ}
    body = b"".join(app(given, lambda status, headers: told.append(status)))
    return told[0], body


def test_a_head_is_answered_without_a_body() -> None:
    """PEP 3333 leaves it to the application."""
    verifier = rightkey.Verifier("any name", audience="a", keys=rightkey.KeySet(()))
    app = RightKeyMiddleware(whose, verifier=verifier)
    assert asked(app, REQUEST_METHOD="HEAD", PATH_INFO="/") == ("401 Unauthorized", b"")
    assert b"token_missing" in asked(app, PATH_INFO="/")[1]


def test_where_a_token_is_optional_a_bad_one_is_still_refused(
    issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """It does not count as none."""
    url = served(RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE, optional=True))
    assert get(url).text == "nobody"
    assert get(url, issuer.token(sub="alice")).text == "alice"
    assert get(url, issuer.attack("expired")).status_code == 401


def test_whatever_carries_is_found_in_an_environ(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """A header by its name, a cookie, the query."""
    bearer = Bearer([header("X-Forwarded-Access-Token"), cookie("session"), query()])
    url = served(RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE, bearer=bearer))
    raw = issuer.token(sub="alice")
    assert get(url, **{"X-Forwarded-Access-Token": raw}).text == "alice"
    assert get(url, Cookie=f"a=b; session={raw}").text == "alice"
    assert get(f"{url}/?access_token={raw}").text == "alice"
    assert get(f"{url}/?access_token={raw}", Cookie=f"session={raw}").status_code == 400


def test_keys_are_required_at_the_start_by_choice(issuer: LocalIssuer) -> None:
    """Else nothing is asked for before the first token."""
    RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE)
    assert issuer.requests.total == 0
    RightKeyMiddleware(whose, issuer.url, audience=AUDIENCE, require_issuer=True)
    assert issuer.requests["jwks"] == 1
    with LocalIssuer(algorithm="ES256") as broken:
        broken.misbehave("discovery", "wrong-issuer")
        with pytest.raises(rightkey.IssuerMisbehaved):
            RightKeyMiddleware(whose, broken.url, audience=AUDIENCE, require_issuer=True)


def test_readiness_is_503_until_there_are_keys(issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """Asked again within the pause after a failure, it sends no request; and then it fetches by itself."""
    now = [1000.0]
    verifier = rightkey.Verifier(issuer.url, audience=AUDIENCE, elapsed=lambda: now[0])
    url = served(Readiness(verifier))
    issuer.misbehave("jwks", "html", times=1)
    for _ in range(3):
        assert (get(url).status_code, get(url).headers["retry-after"]) == (503, "1")
    assert issuer.requests["jwks"] == 1
    now[0] += 60
    assert (get(url).status_code, get(url).json()["code"]) == (200, "ready")


def test_the_environment_says_where_nothing_does(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch, served: Callable[[Any], str]
) -> None:
    """And a verifier has its settings already."""
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_ISSUER is not set"):
        RightKeyMiddleware(whose)
    monkeypatch.setenv("RIGHTKEY_ISSUER", issuer.url)
    monkeypatch.setenv("RIGHTKEY_AUDIENCE", AUDIENCE)
    assert get(served(RightKeyMiddleware(whose)), issuer.token(sub="alice")).text == "alice"
    with pytest.raises(rightkey.Misconfigured, match="not both"):
        RightKeyMiddleware(
            whose, issuer.url, verifier=rightkey.Verifier(issuer.url, audience=AUDIENCE), audience="other"
        )

"""The aiohttp middleware: handlers of all kinds, its start, its override in tests, and a free loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tests.integrations.slow import SlowIssuer, Turns

import rightkey
from rightkey.integrations.aiohttp import TOKEN, VERIFIER, optional, public, require, setup
from rightkey.integrations.bearer import Bearer, query
from rightkey.localissuer import LocalIssuer

AUDIENCE = "https://api.example.com"


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


async def whose(request: web.Request) -> web.StreamResponse:
    token = request[TOKEN]
    return web.json_response({"subject": token and token.subject})


async def inner(request: web.Request) -> web.StreamResponse:
    request[TOKEN].require("inner")
    return web.Response()


async def begun(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"begun")
    request[TOKEN].require("inner")
    return answer


class Methods(web.View):
    async def get(self) -> web.StreamResponse:
        return await whose(self.request)

    @require("a")
    async def delete(self) -> web.StreamResponse:
        return await whose(self.request)

    @public
    async def put(self) -> web.StreamResponse:
        return await whose(self.request)


def app_with(issuer: str | None = None, **settings: Any) -> web.Application:
    app = web.Application()
    if issuer is not None:
        settings |= {"issuer": issuer, "audience": AUDIENCE}
    setup(app, **settings)
    for where, handler in {
        "/": whose,
        "/public": public(whose),
        "/optional": optional(whose),
        "/required": require()(whose),
        "/scoped": require("a", "b")(whose),
        "/inner": inner,
        "/begun": begun,
    }.items():
        app.router.add_get(where, handler)
    app.router.add_view("/methods", Methods)
    return app


def ask(url: str, token: str | None = None, method: str = "GET") -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
        return client.request(method, url, headers=headers)


Served = Callable[[Any], str]


def test_a_handler_that_says_nothing_wants_a_token(issuer: LocalIssuer, served: Served) -> None:
    """And one that is public none, though it be the same. Where there is no handler there is nothing to
    guard."""
    url = served(app_with(issuer.url))
    assert ask(f"{url}/").headers["www-authenticate"] == "Bearer"
    assert ask(f"{url}/required").headers["www-authenticate"] == "Bearer"
    assert ask(f"{url}/public").json() == ask(f"{url}/public", "bad").json() == {"subject": None}
    assert ask(f"{url}/none").status_code == 404
    assert ask(f"{url}/", method="POST").status_code == 405


def test_where_a_token_is_optional_a_bad_one_is_still_refused(issuer: LocalIssuer, served: Served) -> None:
    """Of one handler, and of all that ask for nothing."""
    for url in (f"{served(app_with(issuer.url))}/optional", served(app_with(issuer.url, optional=True))):
        assert ask(url).json() == {"subject": None}
        assert ask(url, issuer.token(sub="alice")).json() == {"subject": "alice"}
        assert ask(url, issuer.attack("expired")).status_code == 401
    assert ask(f"{url}/required").status_code == 401


def test_a_method_of_a_class_asks_for_itself(issuer: LocalIssuer, served: Served) -> None:
    """And says so in advance."""
    url = f"{served(app_with(issuer.url))}/methods"
    assert ask(url, issuer.token(sub="alice", scope="b")).json() == {"subject": "alice"}
    assert ask(url).headers["www-authenticate"] == "Bearer"
    assert ask(url, issuer.token(scope="b"), method="DELETE").status_code == 403
    assert ask(url, issuer.token(scope="a"), method="DELETE").status_code == 200
    assert ask(url, method="DELETE").headers["www-authenticate"] == 'Bearer scope="a"'
    assert ask(url, method="PUT").json() == {"subject": None}
    assert ask(url, method="PATCH").status_code == 401


def test_what_a_handler_asks_itself_is_answered_alike(issuer: LocalIssuer, served: Served) -> None:
    """With the scope that is missing; but an answer that has begun is not another one in the middle."""
    url = served(app_with(issuer.url))
    answer = ask(f"{url}/inner", issuer.token())
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert answer.headers["www-authenticate"].endswith('scope="inner"')
    assert ask(f"{url}/scoped").headers["www-authenticate"] == 'Bearer scope="a b"'
    with pytest.raises(httpx.RemoteProtocolError):
        ask(f"{url}/begun", issuer.token())
    with pytest.raises(rightkey.Misconfigured):
        require(5)  # type: ignore[arg-type]


def test_the_query_carries_by_choice(issuer: LocalIssuer, served: Served) -> None:
    """For websockets of browsers, which cannot set headers."""
    url = served(app_with(issuer.url, bearer=Bearer(query())))
    raw = issuer.token(sub="alice")
    assert ask(f"{url}/?access_token={raw}").json() == {"subject": "alice"}
    assert ask(f"{url}/?access_token={raw}&access_token={raw}").status_code == 400
    assert ask(f"{url}/", raw).status_code == 401


def test_keys_are_there_before_the_first_request(issuer: LocalIssuer, served: Served) -> None:
    """So that no request waits for them."""
    url = served(app_with(issuer.url))
    assert issuer.requests["jwks"] == 1
    assert ask(url, issuer.token()).status_code == 200
    assert issuer.requests["jwks"] == 1


def test_a_start_without_the_issuer_is_a_warning_or_fails(
    issuer: LocalIssuer, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """By choice."""
    issuer.misbehave("discovery", "wrong-issuer")
    with pytest.raises(rightkey.IssuerMisbehaved):
        served(app_with(issuer.url, require_issuer=True))
    with LocalIssuer(algorithm="ES256") as another, caplog.at_level(logging.WARNING, "rightkey"):
        another.misbehave("discovery", "html")
        url = served(app_with(another.url))
        assert "could not fetch the issuer's keys at startup" in caplog.text
        assert ask(url, another.token()).status_code == 503


def test_a_test_overrides_it_in_one_line(issuer: LocalIssuer) -> None:
    """By a verifier before an issuer of its own."""
    app = app_with("https://tenant.example")

    async def asked() -> Any:
        app[VERIFIER] = rightkey.AsyncVerifier(
            issuer.url, audience=issuer.audience, transport=issuer.transport()
        )
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/", headers={"authorization": f"Bearer {issuer.token(sub='alice')}"})
            return await answer.json()

    assert asyncio.run(asked()) == {"subject": "alice"}


def test_either_a_verifier_or_its_settings(issuer: LocalIssuer) -> None:
    """Or the environment."""
    verifier = rightkey.AsyncVerifier(issuer.url, audience=AUDIENCE)
    assert app_with(verifier=verifier)[VERIFIER] is verifier
    with pytest.raises(rightkey.Misconfigured, match="not both"):
        app_with(issuer.url, verifier=verifier)
    with pytest.raises(rightkey.Misconfigured, match="RIGHTKEY_ISSUER is not set"):
        app_with()


@pytest.mark.slow
def test_nothing_of_ours_holds_the_loop_up() -> None:
    """While the keys of a slow issuer are waited for."""
    turns = Turns()
    with SlowIssuer(turns, more=25, seconds=3.0) as issuer:
        app = app_with(issuer.url)
        app.on_startup.clear()
        status = asyncio.run(watched(app, issuer.token(), turns))
    assert status == 200
    assert turns.made > 40  # of which each of two answers waited for 25


async def watched(app: web.Application, token: str, turns: Turns) -> int:
    """The status. The turns of 5 ms that the loop makes meanwhile are counted."""
    async with TestClient(TestServer(app)) as client:
        asking = asyncio.ensure_future(client.get("/", headers={"authorization": f"Bearer {token}"}))
        await turns.during(asking, 0.005)
        return (await asking).status

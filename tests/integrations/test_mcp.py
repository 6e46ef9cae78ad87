"""MCP servers, by the official SDK and by FastMCP: their own clients over real HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

import rightkey
from rightkey.events import TokensRefused, subscribe
from rightkey.integrations import fastmcp, mcp
from rightkey.integrations.asgi import Outages
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.nonces import nonce_at

AUDIENCE = "https://api.example.com"
EXAMPLES = Path(__file__).parents[2] / "examples"
SCOPE = "read:appointments"
ASKED = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what these stand on
]


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture(params=["mcp_app", "fastmcp_app"])
def url(request: pytest.FixtureRequest, issuer: LocalIssuer, served: Callable[[Any], str]) -> str:
    """Of an example's endpoint, as the example stands but for the issuer's name."""
    source = (EXAMPLES / f"{request.param}.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": request.param}
    exec(source.replace('"tenant.eu.auth0.com"', repr(issuer.url)), names)
    return served(names["app"]) + "/mcp"


@pytest.fixture
def refusals() -> Iterator[list[TokensRefused]]:
    """What the log is told of refused tokens, before it limits its lines to one a second."""
    told: list[TokensRefused] = []
    end = subscribe(lambda event: told.append(event) if isinstance(event, TokensRefused) else None)
    yield told
    end()


def ask(url: str, token: str | None) -> httpx.Response:
    headers = {"accept": "application/json, text/event-stream"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(url, json=ASKED, headers=headers)


async def whoami(url: str, token: str) -> str:
    """What the SDK's client is answered by the tool."""
    from mcp.client.session import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
        streamable_http_client(url, http_client=http) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        answer: Any = await session.call_tool("whoami", {})
        return str(answer.content[0].text)


def test_a_tool_knows_whose_token_it_is(url: str, issuer: LocalIssuer) -> None:
    """By the SDK's own client; also after an unannounced rotation."""
    assert asyncio.run(whoami(url, issuer.token(sub="alice", scope=SCOPE, client_id="shop"))) == "alice"
    issuer.rotate(surprise=True)
    assert asyncio.run(whoami(url, issuer.token(sub="bob", scope=SCOPE))) == "bob"


def test_what_is_refused(
    url: str, issuer: LocalIssuer, refusals: list[TokensRefused], caplog: pytest.LogCaptureFixture
) -> None:
    """With a challenge that leads to the metadata; the log is told the reason, and has no token."""
    caplog.set_level(logging.INFO, "rightkey")
    expired = issuer.attack("expired", sub="alice", scope=SCOPE)
    for token, status in ((None, 401), (expired, 401), (issuer.token(sub="alice"), 403)):
        answer = ask(url, token)
        assert answer.status_code == status
        assert (
            'resource_metadata="http://127.0.0.1:8000/.well-known/oauth-protected-resource/mcp"'
            in (answer.headers["www-authenticate"])
        )
    assert [(one.code, one.claims) for one in refusals] == [("claims_rejected", ("exp",))]
    assert expired not in caplog.text


@pytest.mark.parametrize("kind", ["mcp", "fastmcp"])
def test_bound_tokens_come_in_with_their_proofs(
    kind: str, issuer: LocalIssuer, served: Callable[[Any], str]
) -> None:
    """Once each; refused ones are answered with the reason, and a challenge of their own."""
    url = served(bound_app(kind, issuer)) + "/mcp"
    sender = Sender()
    token = issuer.token(sub="alice", scope=SCOPE, cnf=sender.cnf)
    target = "https://mcp.example.com/mcp"

    def post(*headers: tuple[str, str]) -> tuple[int, list[str]]:
        accept = ("accept", "application/json, text/event-stream")
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(url, json=ASKED, headers=[accept, *headers])
        return answer.status_code, answer.headers.get_list("www-authenticate")

    good = [*sender.headers("POST", target, token).items()]
    assert post(*good)[0] == 200
    status, told = post(*good)
    assert (status, 'DPoP error="invalid_dpop_proof"' in told[0]) == (401, True)
    for headers in ([], [("authorization", f"Bearer {token}"), good[1]]):
        status, told = post(*headers)
        assert status == 401
        assert told[0].startswith("Bearer")
        assert told[1].startswith('DPoP algs="RS256')
    assert post(*sender.headers("GET", target, token).items())[0] == 401
    assert post(("authorization", f"Bearer {issuer.token(scope=SCOPE)}"))[0] == 200


@pytest.mark.parametrize("kind", ["mcp", "fastmcp"])
def test_a_client_is_told_its_nonces(kind: str, issuer: LocalIssuer, served: Callable[[Any], str]) -> None:
    """With a refusal, and before one ends with what the server answers (RFC 9449, sections 8.2 and 9)."""
    secret, sender = bytes(32), Sender()
    url = served(bound_app(kind, issuer, dpop=rightkey.DPoP(nonce_secret=secret))) + "/mcp"

    def post(nonce: str | None, scope: str = SCOPE) -> tuple[int, str | None]:
        token = issuer.token(sub="alice", scope=scope, cnf=sender.cnf)
        headers = sender.headers("POST", "https://mcp.example.com/mcp", token, nonce=nonce)
        accept = {"accept": "application/json, text/event-stream"}
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(url, json=ASKED, headers=headers | accept)
        return answer.status_code, answer.headers.get("dpop-nonce")

    status, first = post(None)
    assert (status, post(first)) == (401, (200, None))
    for scope, expected in ((SCOPE, 200), ("other", 403)):
        status, following = post(nonce_at(secret, time.time() - 90), scope)
        assert (status, post(following)) == (expected, (200, None))


def bound_app(kind: str, issuer: LocalIssuer, **more: Any) -> Any:
    """A server that answers a ping."""
    how: dict[str, Any] = {"audience": AUDIENCE, "origin": "https://mcp.example.com", **more}
    if kind == "fastmcp":
        from fastmcp import FastMCP

        checks = fastmcp.RightKeyVerifier(issuer.url, required_scopes=[SCOPE], **how)
        server = FastMCP("test", auth=checks)
        return fastmcp.with_proofs(server.http_app(stateless_http=True), checks)
    from mcp.server import MCPServer
    from mcp.server.auth.settings import AuthSettings

    auth = AuthSettings(
        issuer_url="https://issuer.example/",  # type: ignore[arg-type]
        resource_server_url="http://127.0.0.1:8000/mcp",  # type: ignore[arg-type]
        required_scopes=[SCOPE],
        validate_token_resource=False,
    )
    verifier = mcp.RightKeyVerifier(issuer.url, **how)
    served = MCPServer("test", token_verifier=verifier, auth=auth)
    return mcp.with_proofs(served.streamable_http_app(stateless_http=True), verifier)


def test_metadata_lead_to_the_issuer(url: str) -> None:
    """RFC 9728."""
    path = "/.well-known/oauth-protected-resource/mcp"
    with httpx.Client(trust_env=False, timeout=60) as client:
        told = client.get(url.removesuffix("/mcp") + path).json()
    assert told["authorization_servers"] == ["https://tenant.eu.auth0.com/"]
    assert told["resource"] == "http://127.0.0.1:8000/mcp"


def test_an_outage_is_503(url: str, issuer: LocalIssuer) -> None:
    """And no 401, which would have a client throw a good token away."""
    issuer.misbehave("jwks", "status")
    token = issuer.token(sub="alice", scope=SCOPE)
    answer = ask(url, token)
    assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("module", [mcp, fastmcp])
def test_what_a_token_grants(module: Any, issuer: LocalIssuer) -> None:
    """In the terms of the SDK: the client by whichever claim names it, and the resource among audiences."""
    own = "https://own.example/mcp"
    verifier = module.RightKeyVerifier(
        issuer.url, audience=[AUDIENCE, own], resource=own, require_exp=False, transport=issuer.transport()
    )

    def found(**claims: Any) -> Any:
        return asyncio.run(verifier.verify_token(issuer.token(sub="alice", **claims)))

    token = found(scope="b a", azp="shop", aud=["https://other.example", own])
    assert (token.client_id, token.scopes, token.subject, token.resource) == (
        "shop",
        ["a", "b"],
        "alice",
        own,
    )
    assert token.claims["azp"] == "shop"
    assert token.expires_at == token.claims["exp"]
    plain = found(exp=None)
    assert (plain.client_id, plain.scopes, plain.expires_at, plain.resource) == ("", [], None, AUDIENCE)
    assert found(aud="https://other.example") is None


def test_a_verifier_that_there_is_may_be_given(issuer: LocalIssuer) -> None:
    """Such as several issuers'; what it asks of a token is its own."""
    anybody = rightkey.AsyncVerifier(issuer.url, audience=rightkey.ANY, transport=issuer.transport())
    verifier = mcp.RightKeyVerifier(verifier=anybody)
    token = asyncio.run(verifier.verify_token(issuer.token(aud=None, sub="alice")))
    assert token is not None
    assert token.resource is None


def test_an_outage_at_the_start_is_no_answer() -> None:
    """There is no request to answer yet: the server learns of it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise rightkey.IssuerUnavailable("keys_unavailable", "gone")

    async def nothing(*_: Any) -> Any: ...

    with pytest.raises(rightkey.IssuerUnavailable):
        asyncio.run(Outages(app)({"type": "lifespan"}, nothing, nothing))


@pytest.mark.parametrize(("audience", "slash"), [(f"{AUDIENCE}/", True), ("https://other.example", False)])
def test_the_log_is_told_what_was_expected(
    issuer: LocalIssuer,
    refusals: list[TokensRefused],
    caplog: pytest.LogCaptureFixture,
    audience: str,
    slash: bool,
) -> None:
    """Which is the server's own configuration, and never what the token has; and what to do. The integration
    writes no line by itself, which no limit would hold back in a flood."""
    caplog.set_level(logging.INFO, "rightkey")
    verifier = mcp.RightKeyVerifier(issuer.url, audience=AUDIENCE, transport=issuer.transport())
    assert asyncio.run(verifier.verify_token(issuer.token(sub="alice", aud=audience))) is None
    (told,) = refusals
    assert told.audience == (AUDIENCE,)
    assert told.hint.startswith("only the slash at the end differs") is slash
    assert "other.example" not in str(told)
    assert not [one for one in caplog.records if one.module == "mcp"]


@pytest.mark.parametrize("audience", [{"a": 1}, 5, [5, None], [["a"]], True])
def test_an_audience_of_any_shape_is_no_fault_of_the_server(issuer: LocalIssuer, audience: Any) -> None:
    """With `ANY` it was not looked at: an issuer's oddity must not end as an error, which quotes it."""
    verifier = mcp.RightKeyVerifier(issuer.url, audience=rightkey.ANY, transport=issuer.transport())
    token = asyncio.run(verifier.verify_token(issuer.token(aud=audience, sub="alice")))
    assert token is not None
    assert token.resource is None


@pytest.mark.parametrize("module", [mcp, fastmcp])
def test_the_sdk_knows_what_a_scope_implies(module: Any, issuer: LocalIssuer) -> None:
    """It compares scopes by their names: those that are implied are among them (MCP 2026-07-28)."""
    how: dict[str, Any] = {"audience": AUDIENCE, "implies": {"files:admin": "files:read"}}
    verifier = module.RightKeyVerifier(issuer.url, **how)
    granted = asyncio.run(verifier.verify_token(issuer.token(sub="a", scope="files:admin")))
    assert granted is not None
    assert granted.scopes == ["files:admin", "files:read"]

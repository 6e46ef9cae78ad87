"""Starlette's own authentication, by tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthenticationError
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from rightkey import AsyncVerifier, Trust
from rightkey.integrations.starlette import RightKeyBackend, TokenUser
from rightkey.localissuer import LocalIssuer


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


async def whose(request: Request) -> JSONResponse:
    told = [request.user.is_authenticated, request.user.display_name, sorted(request.auth.scopes)]
    if isinstance(request.user, TokenUser):
        told.append(request.user.token.claims["sub"])
    return JSONResponse(told)


def test_user_and_scopes_are_the_tokens(issuer: LocalIssuer) -> None:
    """And a request without one has no user."""
    backend = RightKeyBackend(issuer.url, audience=issuer.audience)
    guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
    client = TestClient(Starlette(routes=[Route("/", whose)], middleware=[guard]))
    assert client.get("/").json() == [False, "", []]
    headers = {"authorization": f"Bearer {issuer.token(sub='alice', scope='b a')}"}
    assert client.get("/", headers=headers).json() == [True, "alice", ["a", "authenticated", "b"], "alice"]
    answer = client.get("/", headers={"authorization": f"Bearer {issuer.attack('expired')}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "claims_rejected")


def test_users_of_several_issuers_are_told_apart(issuer: LocalIssuer) -> None:
    """By their identity; what is displayed stays the subject."""

    async def identity(request: Request) -> JSONResponse:
        return JSONResponse([request.user.identity, request.user.display_name])

    with LocalIssuer(algorithm="ES256") as other:
        both = [Trust(one.url, audience=one.audience) for one in (issuer, other)]
        backend = RightKeyBackend(verifier=AsyncVerifier.of(*both))
        guard = Middleware(AuthenticationMiddleware, backend=backend, on_error=backend.on_error)
        client = TestClient(Starlette(routes=[Route("/", identity)], middleware=[guard]))
        for one in (issuer, other):
            headers = {"authorization": f"Bearer {one.token(sub='alice')}"}
            assert client.get("/", headers=headers).json() == [f"{one.url}#alice", "alice"]


def test_errors_of_others_go_on() -> None:
    """They are not for us to answer."""
    error = AuthenticationError("another's")
    with pytest.raises(AuthenticationError, match="another's"):
        RightKeyBackend.on_error(HTTPConnection({"type": "http", "headers": []}), error)

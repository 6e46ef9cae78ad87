"""FastAPI: a dependency that is the verified token, and the scheme that its documentation shows.

    auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")

    async def read(token: Annotated[Verified, Security(auth, scopes=["read:x"])]): ...

Annotations are not postponed here: FastAPI reads those of an object that it calls as they are.
"""

# ruff: noqa: B008

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, HTTPException, Security, WebSocketException
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyCookie, APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from rightkey.errors import RightkeyError
from rightkey.integrations.asgi import (
    POLICY_VIOLATION,
    Verifying,
    answers_handshakes,
    prepare,
    verified,
    verifier_of,
)
from rightkey.integrations.bearer import BEARER, Bearer, Carrier, scopes_of
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verdict.verified import Verified

_Claims = TypeVar("_Claims")


class RightKey(SecurityBase):
    """A dependency, for routes and websockets: `Depends(auth)`, or `Security(auth, scopes=[...])`.

    Args:
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: an AsyncVerifier, or several issuers' (`AsyncVerifier.of`), instead.
        bearer: where requests carry their tokens, and what challenges say.
        scheme: a security scheme of FastAPI's, such as OAuth2AuthorizationCodeBearer or OpenIdConnect, for
            the documentation alone; by default that of the first carrier.
        require_issuer: whether `lifespan` refuses to start without the issuer's keys.
        settings: as AsyncVerifier takes them: `audience`, `require` and others.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        bearer: Bearer = BEARER,
        scheme: SecurityBase | None = None,
        require_issuer: bool = False,
        **settings: Any,
    ) -> None:
        shown = scheme or _scheme(bearer.places[0])
        self.model, self.scheme_name = shown.model, shown.scheme_name
        self.verifier, self.bearer = verifier_of(issuer, verifier, settings), bearer
        self.optional = Optional(self)
        self._require_issuer = require_issuer

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> Verified:
        """The verified token, which grants these scopes."""
        token = await self._verified(connection, scopes, optional=False)
        assert token is not None  # noqa: S101 - it was not optional
        return token

    def require(self, *asked: str | Requirement) -> Callable[..., Awaitable[Verified]]:
        """A dependency that asks more than scopes: `Depends(auth.require(any_of("admin", role("owner"))))`.

        It stands on `auth`, so that who overrides that overrides this.

        Raises:
            Misconfigured: something else than a string or a requirement.
        """
        requirement = required(asked)

        async def granted(
            connection: HTTPConnection,
            token: Verified = Security(self, scopes=scopes_of(requirement)),
        ) -> Verified:
            try:
                token.require(requirement)
            except RightkeyError as error:
                raise self._refused(connection, error, requirement) from error
            return token

        return granted

    def typed(self, claims_type: type[_Claims]) -> Callable[..., Awaitable[_Claims]]:
        """A dependency that is the token's claims as a type: `Security(auth.typed(MyClaims), scopes=[...])`.

        It stands on `auth`, so that who overrides that overrides this.
        """

        async def converted(connection: HTTPConnection, token: Verified = Security(self)) -> _Claims:
            try:
                return token.into(claims_type)
            except RightkeyError as error:
                raise self._refused(connection, error, AllOf(())) from error

        return converted

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Has the issuer's keys fetched before serving: `FastAPI(lifespan=auth.lifespan)`."""
        await prepare(self.verifier, required=self._require_issuer)
        yield

    async def handler(self, connection: HTTPConnection, error: Exception) -> JSONResponse:
        """For `app.add_exception_handler(RightkeyError, auth.handler)`: what a route itself asks of its token
        (`token.require(...)`) is then answered as what its dependency asks."""
        if not isinstance(error, RightkeyError):
            raise error
        refusal = self.bearer.refusal(error)
        return JSONResponse({"detail": refusal.body}, refusal.status, dict(refusal.headers))

    async def _verified(
        self, connection: HTTPConnection, scopes: SecurityScopes, *, optional: bool
    ) -> Verified | None:
        requirement = required(scopes.scopes)
        try:
            token = await verified(self.verifier, self.bearer, connection.scope, optional=optional)
            if token is not None:
                token.require(requirement)
        except RightkeyError as error:
            raise self._refused(connection, error, requirement) from error
        return token

    def _refused(
        self, connection: HTTPConnection, error: RightkeyError, requirement: AllOf
    ) -> HTTPException | WebSocketException:
        refusal = self.bearer.refusal(error, requirement)
        if connection.scope["type"] == "websocket" and not answers_handshakes(connection.scope):
            return WebSocketException(POLICY_VIOLATION, refusal.body["code"])
        return HTTPException(refusal.status, dict(refusal.body), dict(refusal.headers))


class Optional(SecurityBase):
    """`auth.optional`: the verified token, or None where there is none. A bad one is refused all the same."""

    def __init__(self, auth: RightKey) -> None:
        self.model, self.scheme_name, self._auth = auth.model, auth.scheme_name, auth

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> Verified | None:
        """The verified token, which grants these scopes; or None."""
        return await self._auth._verified(connection, scopes, optional=True)


def _scheme(carrier: Carrier) -> SecurityBase:
    if carrier.place == "authorization":
        return HTTPBearer(bearerFormat="JWT", scheme_name="bearer")
    kinds = {"cookie": APIKeyCookie, "header": APIKeyHeader, "query": APIKeyQuery}
    return kinds[carrier.place](name=carrier.name)

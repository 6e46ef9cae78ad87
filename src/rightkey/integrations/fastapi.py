"""FastAPI: a dependency that is the verified token, and the scheme that its documentation shows.

    auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")

    async def read(token: Annotated[Verified, Security(auth, scopes=["read:x"])]): ...

Annotations are not postponed here: FastAPI reads those of an object that it calls as they are.
"""

# ruff: noqa: B008

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, Unpack

from rightkey.errors import IssuerFault, Misconfigured, RightkeyError, flag
from rightkey.freshness.status import Status
from rightkey.integrations.asgi import LOG, POLICY_VIOLATION, Verifying, answers_handshakes, prepare, verified
from rightkey.integrations.bearer import BEARER, Bearer, Carrier, bearer_of, scopes_of
from rightkey.integrations.handshake import accepting
from rightkey.integrations.login import Login
from rightkey.integrations.openapi import responses
from rightkey.integrations.settings import Settings, extra, verifier_from
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier

with extra("fastapi"):
    from fastapi import FastAPI, HTTPException, Security, WebSocketException
    from fastapi.openapi.models import OAuth2
    from fastapi.openapi.models import SecurityBase as Model
    from fastapi.responses import JSONResponse
    from fastapi.security import APIKeyCookie, APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes
    from fastapi.security.base import SecurityBase
    from starlette.requests import HTTPConnection

_Claims = TypeVar("_Claims")
_NOTHING = AllOf(())


class RightKey(SecurityBase):
    """A dependency, for routes and websockets: `Depends(auth)`, or `Security(auth, scopes=[...])`.

    Args:
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`).
        scheme: a security scheme of FastAPI's, such as OAuth2AuthorizationCodeBearer or OpenIdConnect, for
            the documentation only; by default that of the first carrier, or `login`.
        require_issuer: whether `lifespan` refuses to start without the issuer's keys.

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
        **settings: Unpack[Settings],
    ) -> None:
        shown = scheme or _scheme(bearer_of(bearer).places[0])
        self.model, self.scheme_name = shown.model, shown.scheme_name
        self.verifier: Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self.bearer, self.optional = bearer.beside(self.verifier), Optional(self)
        self._issuer, self._settings = issuer, settings
        self._login: Login | None = None
        self._require_issuer = flag("require_issuer", require_issuer)

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> Verified:
        """The verified token, which grants these scopes."""
        token = await self._verified(connection, scopes, optional=False)
        assert token is not None  # noqa: S101 - it was not optional
        return token

    def require(self, *asked: str | Requirement) -> Callable[..., Awaitable[Verified]]:
        """A dependency that asks more than scopes: `Depends(auth.require(any_of("admin", role("owner"))))`.

        It depends on `auth`: an override of that overrides this.

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

        It depends on `auth`: an override of that overrides this.
        """

        async def converted(connection: HTTPConnection, token: Verified = Security(self)) -> _Claims:
            try:
                return token.into(claims_type)
            except RightkeyError as error:
                raise self._refused(connection, error, _NOTHING) from error

        return converted

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """The refusals, for OpenAPI: `FastAPI(responses=auth.responses)`, or those of a router or route."""
        return dict(responses("detail").items())

    def login(
        self,
        client_id: str,
        *,
        issuer: str | None = None,
        scopes: Collection[str] | Mapping[str, str] = (),
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Let *Authorize* in the documentation log in, with PKCE, where the issuer's metadata say. `lifespan`
        reads them.

        Args:
            client_id: of a client without a secret, whose redirect URI is `/docs/oauth2-redirect` here.
            issuer: by default the verifier's.
            scopes: those to choose from, with descriptions if it is a mapping.
            parameters: for the issuer; by default `audience`, where the verifier was given one.

        Raises:
            Misconfigured: there is not one issuer to log in at.
        """
        where = issuer or self._issuer or _issuer_of(self.verifier)
        named = scopes if isinstance(scopes, Mapping) else dict.fromkeys(scopes, "")
        audience = self._settings.get("audience")
        asked = {"audience": audience} if isinstance(audience, str) else {}
        given = asked if parameters is None else parameters
        self._login = Login(client_id, where, named, given, self._settings.get("transport"))

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Fetches the issuer's keys before serving: `FastAPI(lifespan=auth.lifespan)`."""
        await prepare(self.verifier, required=self._require_issuer)
        if self._login is not None:
            await self._show(self._login, app)
        yield

    async def _show(self, login: Login, app: FastAPI) -> None:
        try:
            flows = {"authorizationCode": await login.flow()}
        except IssuerFault as error:
            if self._require_issuer:
                raise
            LOG.warning("the documentation cannot log in, only take a token: %s", error)
            return
        self.model = OAuth2.model_validate({"type": "oauth2", "flows": flows})
        app.swagger_ui_init_oauth = {**login.swagger, **(app.swagger_ui_init_oauth or {})}
        app.openapi_schema = None  # it may have been made before

    async def handler(self, connection: HTTPConnection, error: Exception) -> JSONResponse:
        """For `app.add_exception_handler(RightkeyError, auth.handler)`: what a route itself asks of its token
        (`token.require(...)`) is then answered like what its dependency asks."""
        if not isinstance(error, RightkeyError):
            raise error
        refusal = self.bearer.refusal(error)
        return JSONResponse({"detail": refusal.body}, refusal.status, dict(refusal.headers))

    async def _verified(
        self, connection: HTTPConnection, scopes: SecurityScopes, *, optional: bool
    ) -> Verified | None:
        requirement = required(scopes.scopes) if scopes.scopes else _NOTHING
        try:
            token = await verified(self.verifier, self.bearer, connection.scope, optional=optional)
            if token is not None and requirement is not _NOTHING:
                token.require(requirement)
        except RightkeyError as error:
            raise self._refused(connection, error, requirement) from error
        accepting(self.bearer, connection)
        return token

    def _refused(
        self, connection: HTTPConnection, error: RightkeyError, requirement: AllOf
    ) -> HTTPException | WebSocketException:
        refusal = self.bearer.refusal(error, requirement)
        if connection.scope["type"] == "websocket" and not answers_handshakes(connection.scope):
            return WebSocketException(POLICY_VIOLATION, refusal.body["code"])
        return HTTPException(refusal.status, dict(refusal.body), dict(refusal.headers))


class Optional(SecurityBase):
    """`auth.optional`: the verified token, or None if there is none. A bad token is refused all the same."""

    def __init__(self, auth: RightKey) -> None:
        self.scheme_name, self._auth = auth.scheme_name, auth

    @property
    def model(self) -> Model:  # type: ignore[override]
        """The security scheme, which `login` may change."""
        return self._auth.model

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> Verified | None:
        """The verified token, which grants these scopes; or None."""
        return await self._auth._verified(connection, scopes, optional=True)


def _issuer_of(verifier: Any) -> str:
    """Raises Misconfigured: it has several issuers, or is not one of ours."""
    status: Any = getattr(verifier, "status", dict)()
    if not isinstance(status, Status):
        raise Misconfigured("the issuer to log in at is not known", hint="pass issuer= to login")
    return status.issuer


def _scheme(carrier: Carrier) -> SecurityBase:
    kinds = {"cookie": APIKeyCookie, "header": APIKeyHeader, "query": APIKeyQuery}
    if carrier.place not in kinds:
        return HTTPBearer(bearerFormat="JWT", scheme_name="bearer")
    return kinds[carrier.place](name=carrier.name)

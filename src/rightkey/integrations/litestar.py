"""Litestar: a plugin that lets only verified tokens reach handlers, and a guard for what these ask beyond it.

    auth = RightKey("tenant.eu.auth0.com", audience="https://api.example.com")

    @get("/x", guards=[auth.require("read:x")])
    async def read(request: Request) -> str: return request.auth.subject

    app = Litestar([read], plugins=[auth])

`request.auth` is the verified token, `request.user` its subject. A handler with `exclude_from_auth=True`, as
Litestar's own authentication has it, takes any request; one with `optional_auth=True` takes requests without
a token too.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, Unpack

from rightkey.errors import RightkeyError, flag
from rightkey.integrations.asgi import (
    POLICY_VIOLATION,
    Receive,
    Scope,
    Send,
    Verifying,
    is_cors_preflight,
    prepare,
    respond,
    verified,
)
from rightkey.integrations.bearer import BEARER, Bearer, bearer_of
from rightkey.integrations.handshake import answering, hidden
from rightkey.integrations.openapi import responses
from rightkey.integrations.settings import Settings, extra, verifier_from
from rightkey.integrations.views import present
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verifier.tasks import AsyncVerifier

with extra("litestar"):
    from litestar import Litestar, Response
    from litestar.config.app import AppConfig
    from litestar.exceptions import WebSocketException
    from litestar.openapi.datastructures import ResponseSpec
    from litestar.openapi.spec import Components, SecurityScheme
    from litestar.plugins import InitPlugin

PUBLIC, OPTIONAL = "exclude_from_auth", "optional_auth"
_NAME = "rightkey"


@dataclass(frozen=True, slots=True)
class Refused:
    """The body of a refusal, for OpenAPI."""

    code: str
    message: str
    hint: str | None = None


class RightKey(InitPlugin):
    """A plugin. Errors of rightkey become answers in the whole application, with their challenge.

    Args:
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`).
        require_issuer: refuse to start without the issuer's keys. By default that is a warning, and they are
            fetched when they are needed.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        bearer: Bearer = BEARER,
        require_issuer: bool = False,
        **settings: Unpack[Settings],
    ) -> None:
        self.verifier: Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self.bearer = bearer_of(bearer).beside(self.verifier)
        self._require_issuer = flag("require_issuer", require_issuer)

    @property
    def responses(self) -> dict[int, ResponseSpec]:
        """The refusals, for OpenAPI: the `responses` of a handler."""
        told = responses()
        return {code: ResponseSpec(Refused, False, told[code]["description"]) for code in told}

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Guard an application, and show how in its OpenAPI document. Litestar calls this."""
        app_config.middleware.insert(0, self._guarding)
        app_config.exception_handlers = {RightkeyError: self._answered, **app_config.exception_handlers}
        app_config.on_startup.append(self._start)
        if app_config.openapi_config is not None:
            app_config.openapi_config = document = copy(app_config.openapi_config)
            scheme = SecurityScheme(**_members(self.bearer.places[0].scheme))
            given = document.components
            known = given if isinstance(given, list) else [given]
            document.components = [*known, Components(security_schemes={_NAME: scheme})]
            document.security = [*(document.security or ()), {_NAME: []}]
        return app_config

    def require(self, *asked: str | Requirement) -> Required:
        """A guard: the token must grant all of this. `guards=[auth.require("read:x")]`.

        Raises:
            Misconfigured: something else than a string or a requirement.
        """
        return Required(self.bearer, required(asked))

    async def _start(self, app: Litestar) -> None:
        await prepare(self.verifier, required=self._require_issuer)

    def _guarding(self, app: Any) -> Any:
        """Litestar routes first: what a handler asks is known when this is called."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            opt = scope["route_handler"].opt
            scope["auth"] = scope["user"] = None
            if not opt.get(PUBLIC) and not _passes_as_preflight(scope):
                try:
                    optional = bool(opt.get(OPTIONAL))
                    token = await verified(self.verifier, self.bearer, scope, optional=optional)
                except RightkeyError as error:
                    refusal = self.bearer.refusal(error, _requirement_of(scope["route_handler"]))
                    await respond(refusal, scope, receive, send)
                    return
                scope["auth"], scope["user"] = token, token and token.subject
            await app(scope, receive, answering(send, hidden(self.bearer, scope)))

        return guarded

    def _answered(self, request: Any, error: Any) -> Response[dict[str, str]]:
        refusal = self.bearer.refusal(error, _requirement_of(request.scope["route_handler"]))
        return Response(dict(refusal.body), status_code=refusal.status, headers=dict(refusal.headers))


class Required:
    """What a handler requires of its token, as a guard of Litestar's."""

    def __init__(self, bearer: Bearer, requirement: AllOf) -> None:
        self.requirement, self._bearer = requirement, bearer

    async def __call__(self, connection: Any, handler: Any) -> None:
        """Raises TokenRejected, InsufficientScope; for a websocket WebSocketException."""
        if _passes_as_preflight(connection.scope):
            return
        try:
            present(connection.scope["auth"]).require(self.requirement)
        except RightkeyError as error:
            if connection.scope["type"] == "websocket":
                raise WebSocketException(detail=error.code, code=POLICY_VIOLATION) from error
            raise


def _passes_as_preflight(scope: Scope) -> bool:
    """A CORS preflight goes to a handler for OPTIONS, and never to one that takes other methods too."""
    methods = getattr(scope["route_handler"], "http_methods", ())
    return is_cors_preflight(scope) and {*methods} == {"OPTIONS"}


def _requirement_of(handler: Any) -> AllOf:
    parts = [guard.requirement for guard in handler.resolve_guards() if isinstance(guard, Required)]
    return AllOf(tuple(parts))


def _members(scheme: dict[str, str]) -> dict[str, Any]:
    names = {"in": "security_scheme_in", "bearerFormat": "bearer_format"}
    return {names.get(name, name): value for name, value in scheme.items()}

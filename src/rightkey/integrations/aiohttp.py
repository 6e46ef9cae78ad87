"""aiohttp's server: a middleware that lets verified tokens alone come to handlers, which say what they ask.

    setup(app, "tenant.eu.auth0.com", audience="https://api.example.com")

    @require("read:x")
    async def read(request): return web.json_response({"for": request[TOKEN].subject})

The verifier is the application's, in `app[VERIFIER]`; the token is the request's, in `request[TOKEN]`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

from aiohttp import web

from rightkey.errors import RightkeyError
from rightkey.integrations.asgi import Verifying, prepare, verifier_of
from rightkey.integrations.asking import (
    OPTIONAL,
    PUBLIC,
    Asks,
    asks_of,
    marked,
    require_granted,
    requirement_of,
)
from rightkey.integrations.bearer import BEARER, Bearer
from rightkey.requirements import Requirement, required

VERIFIER: web.AppKey[Verifying] = web.AppKey("rightkey")
"""Where the verifier of an application is; a test puts another there before it starts."""
TOKEN: web.RequestKey[Any] = web.RequestKey("rightkey")
"""Where the verified token of a request is, a Verified; None where there is none and none is needed."""

_P = ParamSpec("_P")
_Handler: TypeAlias = Callable[_P, Awaitable[web.StreamResponse]]


def setup(
    app: web.Application,
    issuer: str | None = None,
    *,
    verifier: Verifying | None = None,
    optional: bool = False,
    bearer: Bearer = BEARER,
    require_issuer: bool = False,
    **settings: Any,
) -> None:
    """Guard the handlers of an application, and have the issuer's keys fetched as it starts.

    Args:
        app: the application; middlewares that are its already are outside of this one.
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: an AsyncVerifier, or several issuers' (`AsyncVerifier.of`), instead.
        optional: let handlers that ask for nothing take requests without a token, too.
        bearer: where requests carry their tokens, and what challenges say.
        require_issuer: refuse to start without the issuer's keys; by default that is a warning, and they are
            asked for again when they are needed.
        settings: as AsyncVerifier takes them: `audience`, `require` and others.

    Raises:
        Misconfigured: a setting is wrong.
    """

    async def start(app: web.Application) -> None:
        await prepare(app[VERIFIER], required=require_issuer)

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        request[TOKEN] = None
        if request.match_info.http_exception is not None:  # there is no handler to guard
            return await handler(request)  # type: ignore[no-any-return]
        view = _view(request)
        asks = asks_of(view) or (OPTIONAL if optional else None)
        try:
            raw = _raw(request, bearer, asks)
            request[TOKEN] = None if raw is None else await app[VERIFIER].verify(raw)
            return await handler(request)  # type: ignore[no-any-return]
        except RightkeyError as error:
            if request.writer.output_size:  # the answer has begun, and cannot be another
                raise
            refusal = bearer.refusal(error, requirement_of(view))
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)

    app[VERIFIER] = verifier_of(issuer, verifier, settings)
    app.middlewares.append(guard)
    app.on_startup.append(start)


def require(*asked: str | Requirement) -> Callable[[_Handler[_P]], _Handler[_P]]:
    """Have a handler, or a method of a `web.View`, take requests alone whose token grants all of this.

    Raises:
        Misconfigured: something else than a string or a requirement.
    """
    requirement = required(asked)
    return lambda handler: _asking(handler, requirement)


def optional(handler: _Handler[_P]) -> _Handler[_P]:
    """Have a handler take requests without a token, too; a bad one is refused all the same."""
    return _asking(handler, OPTIONAL)


def public(handler: _Handler[_P]) -> _Handler[_P]:
    """Have a handler take any request, and no token be looked for."""
    return _asking(handler, PUBLIC)


def _asking(handler: _Handler[_P], asks: Asks) -> _Handler[_P]:
    """A handler that says what it asks: another one, for this one may be in use elsewhere."""

    @wraps(handler)
    async def asking(*args: _P.args, **named: _P.kwargs) -> web.StreamResponse:
        request: Any = args[0].request if isinstance(args[0], web.View) else args[0]
        require_granted(request[TOKEN], asks)
        return await handler(*args, **named)

    return marked(asking, asks)


def _view(request: web.Request) -> Any:
    """What handles a request: of a class, the method."""
    handler = request.match_info.handler
    return getattr(handler, request.method.lower(), None) if isinstance(handler, type) else handler


def _raw(request: web.Request, bearer: Bearer, asks: Asks | None) -> str | None:
    """The token that a request carries; None where it has none and needs none."""
    if asks == PUBLIC:
        return None
    headers, query = request.headers.items(), request.rel_url.raw_query_string
    return bearer.token_or_none(headers, query) if asks == OPTIONAL else bearer.token(headers, query)

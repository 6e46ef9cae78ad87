"""aiohttp's server: a middleware that lets only verified tokens reach handlers, which say what more they ask.

    setup(app, "tenant.eu.auth0.com", audience="https://api.example.com")

    @require("read:x")
    async def read(request): return web.json_response({"for": request[TOKEN].subject})

The verifier is the application's, in `app[VERIFIER]`; the token is the request's, in `request[TOKEN]`.
"""

from __future__ import annotations

from typing import Any, Unpack

from rightkey.errors import RightkeyError, flag
from rightkey.integrations.asgi import Verifying, prepare
from rightkey.integrations.bearer import BEARER, Bearer, bearer_of
from rightkey.integrations.carriers import SUBPROTOCOLS, offered
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried, renewed
from rightkey.integrations.handshake import name_of
from rightkey.integrations.settings import Settings, extra, verifier_from
from rightkey.integrations.views import (
    OPTIONAL,
    PUBLIC,
    Access,
    Decorators,
    access_of,
    is_preflight,
    requirement_of,
)
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier

with extra("aiohttp"):
    from aiohttp import hdrs, web

VERIFIER: web.AppKey[Verifying] = web.AppKey("rightkey")
"""Where the verifier of an application is; a test puts another there before it starts."""
_PRESENTED: web.RequestKey[Any] = web.RequestKey("rightkey presented")
TOKEN: web.RequestKey[Any] = web.RequestKey("rightkey")
"""Where the verified token of a request is, a Verified; None where there is none and none is needed."""


def setup(
    app: web.Application,
    issuer: str | None = None,
    *,
    verifier: Verifying | None = None,
    optional: bool = False,
    bearer: Bearer = BEARER,
    require_issuer: bool = False,
    **settings: Unpack[Settings],
) -> None:
    """Guard the handlers of an application, and fetch the issuer's keys as it starts.

    Args:
        app: the application; middlewares that it has already are outside of this one.
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`).
        optional: let handlers that ask for nothing take requests without a token too.
        require_issuer: refuse to start without the issuer's keys. By default that is a warning, and they are
            fetched when they are needed.

    Raises:
        Misconfigured: a setting is wrong.
    """

    async def start(app: web.Application) -> None:
        await prepare(app[VERIFIER], required=require_issuer)

    flag("require_issuer", require_issuer)
    app[VERIFIER] = verifier_from(AsyncVerifier, issuer, verifier, settings, setup)
    app.middlewares.append(_guard(app, bearer_of(bearer), optional=flag("optional", optional)))
    app.on_startup.append(start)
    app.on_response_prepare.append(_renewing)
    if (name := name_of(bearer)) is not None:
        app.on_response_prepare.append(_choosing(name))


def _guard(app: web.Application, bearer: Bearer, *, optional: bool) -> Any:
    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        request[TOKEN] = None
        if request.match_info.http_exception is not None:  # there is no handler to guard
            return await handler(request)  # type: ignore[no-any-return]
        view = _view(request)
        access = access_of(view) or (OPTIONAL if optional else None)
        if access != PUBLIC and is_preflight(request.method, request.headers):
            return await _preflight(request, handler)
        try:
            credential = _credential(request, bearer, access)
            if credential is not None:
                request[TOKEN] = await credential.verified_async(app[VERIFIER].verify)
            return await handler(_without_token(request, bearer))  # type: ignore[no-any-return]
        except RightkeyError as error:
            if request.writer.output_size:  # the answer has begun, and cannot be another
                raise
            refusal = bearer.beside(app[VERIFIER]).refusal(error, requirement_of(view))
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)

    return guard


async def _renewing(request: web.Request, response: web.StreamResponse) -> None:
    """Tells the client its next DPoP nonce, where that of its proof will soon end."""
    nonce = renewed(request, _PRESENTED)
    if nonce is not None:
        response.headers.setdefault(NONCE, nonce)


async def _preflight(request: web.Request, handler: Any) -> web.StreamResponse:
    """A CORS preflight goes to a handler for OPTIONS, and never to one that takes any method for the same."""
    method = hdrs.METH_OPTIONS
    named = request.match_info.route.method == method or isinstance(request.match_info.handler, type)
    return await handler(request) if named else web.Response(headers={"Allow": method})


def _token_of(first: Any) -> Verified | None:
    request = first.request if isinstance(first, web.View) else first
    token: Verified | None = request[TOKEN]
    return token


_DECORATORS = Decorators(_token_of)
require, optional, public = _DECORATORS.require, _DECORATORS.optional, _DECORATORS.public


def _view(request: web.Request) -> Any:
    """What handles a request: of a class, the method."""
    handler = request.match_info.handler
    return getattr(handler, request.method.lower(), None) if isinstance(handler, type) else handler


def _credential(request: web.Request, bearer: Bearer, access: Access | None) -> Credential | None:
    """The token that a request carries, with its proof; None where it has none and needs none."""
    if access == PUBLIC:
        return None
    headers, query = request.headers.items(), request.rel_url.raw_query_string
    optional = access == OPTIONAL
    return carried(bearer, headers, query, lambda: _sent(request), request, optional=optional, key=_PRESENTED)


def _sent(request: web.Request) -> Sent:
    tls = request.get_extra_info("ssl_object")
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    return Sent(request.method, request.raw_path, Connection(request.remote, certificate))


def _without_token(request: web.Request, bearer: Bearer) -> web.Request:
    """A websocket's handshake without its token: aiohttp logs the subprotocols that it cannot choose."""
    name = name_of(bearer)
    if name is None or SUBPROTOCOLS not in request.headers:
        return request
    headers = request.headers.copy()
    kept = offered(name, ",".join(headers.popall(SUBPROTOCOLS)))
    headers[SUBPROTOCOLS] = ", ".join(kept)
    return request.clone(headers=headers)


def _choosing(name: str) -> Any:
    """Answers a websocket's handshake with this subprotocol where it was offered and no other was chosen."""

    async def chosen(request: web.Request, response: web.StreamResponse) -> None:
        if not isinstance(response, web.WebSocketResponse) or SUBPROTOCOLS in response.headers:
            return
        if name in offered(name, request.headers.get(SUBPROTOCOLS, "")):
            response.headers[SUBPROTOCOLS] = name

    return chosen

"""Any ASGI application behind a verifier: a request or websocket comes in with a verified token, or not.

The token is `scope["state"]["token"]`, which Starlette and FastAPI call `request.state.token`: the one place
where both they and plain ASGI look, and where a middleware outside of this one finds it afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Protocol, TypeAlias

from rightkey.errors import IssuerFault, RightkeyError
from rightkey.integrations.bearer import BEARER, READY, Bearer, Refusal
from rightkey.integrations.building import chosen, paths_of
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("rightkey")
POLICY_VIOLATION = 1008
"""How a websocket is closed (RFC 6455, section 7.4.1) where its server cannot answer with a status."""


class Verifying(Protocol):
    """What AsyncVerifier and AsyncVerifiers are to a framework."""

    async def verify(self, raw: str | bytes, /) -> Verified: ...

    async def prepare(self) -> None: ...


class RightKeyMiddleware:
    """An ASGI middleware. Put what answers CORS preflights outside of it: they carry no token.

    Args:
        app: the application.
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: an AsyncVerifier, or several issuers' (`AsyncVerifier.of`), instead.
        public: paths that need no token, each exactly as it is; no token is looked for there.
        optional: let requests without a token in, too; a bad one is refused all the same.
        bearer: where requests carry their tokens, and what challenges say.
        require_issuer: refuse to start without the issuer's keys; by default that is a warning, and they are
            asked for again when they are needed.
        settings: as AsyncVerifier takes them: `audience`, `require` and others.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        app: App,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        public: Collection[str] = (),
        optional: bool = False,
        bearer: Bearer = BEARER,
        require_issuer: bool = False,
        **settings: Any,
    ) -> None:
        self.app, self._public, self._optional = app, paths_of(public), optional
        self._verifier = verifier_of(issuer, verifier, settings)
        self._bearer, self._require_issuer = bearer, require_issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, self._starting(receive, send), send)
            return
        token = None
        if scope["path"] not in self._public:
            try:
                token = await verified(self._verifier, self._bearer, scope, optional=self._optional)
            except RightkeyError as error:
                await respond(self._bearer.refusal(error), scope, receive, send)
                return
        scope.setdefault("state", {})["token"] = token
        await self.app(scope, receive, send)

    def _starting(self, receive: Receive, send: Send) -> Receive:
        """Receives for the application, and has the keys fetched before it hears that it may start."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await prepare(self._verifier, required=self._require_issuer)
                except IssuerFault as error:
                    await send({"type": "lifespan.startup.failed", "message": _unstarted(error)})
                    raise
            return message

        return received


class Readiness:
    """An ASGI application for health checks: 200 where tokens can be verified, else 503.

    It fetches keys where there are none, within the pauses after failures: a service that is sent no request
    until it is ready could else never become so. An outage that the held keys outlast is no 503.
    """

    def __init__(self, verifier: Verifying, bearer: Bearer = BEARER) -> None:
        self._verifier, self._bearer = verifier, bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = READY
        try:
            await self._verifier.prepare()
        except IssuerFault as error:
            answer = self._bearer.refusal(error)
        await respond(answer, scope, receive, send)


class Outages:
    """An ASGI middleware around who calls a verifier by himself: an issuer out of reach is 503, and no crash.

    Args:
        app: the application.
        bearer: how it refuses.
    """

    def __init__(self, app: App, bearer: Bearer = BEARER) -> None:
        self.app, self._bearer = app, bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except IssuerFault as error:
            if scope["type"] != "http":
                raise
            await respond(self._bearer.refusal(error), scope, receive, send)


def verifier_of(issuer: str | None, verifier: Verifying | None, settings: dict[str, Any]) -> Verifying:
    """The one that was given, one of an issuer, or what the environment says. Raises Misconfigured."""
    return chosen(AsyncVerifier, issuer, verifier, settings)


async def verified(
    verifier: Verifying, bearer: Bearer, scope: Scope, *, optional: bool = False
) -> Verified | None:
    """The verified token of a request; None where it has none and needs none.

    Raises:
        TokenRejected, IssuerUnavailable: as `verify`; also `token_missing`, `request_malformed`.
    """
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    query = scope.get("query_string", b"").decode("latin-1")
    raw = bearer.token_or_none(headers, query) if optional else bearer.token(headers, query)
    return None if raw is None else await verifier.verify(raw)


async def prepare(verifier: Verifying, *, required: bool) -> None:
    """Have the keys fetched before serving.

    Raises:
        IssuerFault: they cannot be had, and are required; else that is logged.
    """
    try:
        await verifier.prepare()
    except IssuerFault as error:
        if required:
            raise
        LOG.warning("%s; requests are answered with 503 until its keys can be had", _unstarted(error))


def answers_handshakes(scope: Scope) -> bool:
    """Whether the server lets a websocket be refused with a status, headers and a body."""
    return "websocket.http.response" in (scope.get("extensions") or {})


async def respond(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer instead of the application, as the kind of connection and its server allow."""
    kind = ""
    if scope["type"] == "websocket":
        await receive()  # its handshake, which is answered instead of accepted
        if not answers_handshakes(scope):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.body["code"]})
            return
        kind = "websocket."
    content = refusal.content
    named = {"Content-Type": "application/json", "Content-Length": str(len(content)), **refusal.headers}
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": f"{kind}http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}http.response.body", "body": content})


def _unstarted(error: IssuerFault) -> str:
    return f"the issuer's keys could not be had at the start: {error}"

"""Any ASGI application behind a verifier: a request or websocket is let in with a verified token, or refused.

The token is `scope["state"]["token"]`, which Starlette and FastAPI call `request.state.token`: the one place
where they and plain ASGI look, and where a middleware outside of this one finds it afterwards.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Protocol, TypeAlias, Unpack

from rightkey.errors import IssuerFault, RightkeyError, flag
from rightkey.integrations.bearer import BEARER, READY, Bearer, Refusal, bearer_of
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried, escaped, renewed
from rightkey.integrations.handshake import answering, hidden
from rightkey.integrations.settings import Settings, paths_of, verifier_from
from rightkey.integrations.views import is_preflight
from rightkey.policy.presented import Presented
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
_DISGUISED = re.compile(rb"(?i)%(?:2[def]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)")
"""An encoded slash, or a letter that need not be encoded (RFC 3986, section 2.3): if an application routes by
`raw_path`, it takes it for another path."""


class Verifying(Protocol):
    """What a framework needs of AsyncVerifier and AsyncVerifiers."""

    async def verify(self, raw: str | bytes, /, *, presented: Presented | None = None) -> Verified: ...

    async def prepare(self) -> None: ...


class RightKeyMiddleware:
    """An ASGI middleware. CORS preflights pass without a token, and are answered without a body.

    Args:
        app: the application.
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`).
        public: paths that need no token, each exactly as the application routes it: without the path that it
            is mounted at (`root_path`). No token is looked for there.
        optional: let requests without a token in too; a bad token is refused all the same.
        require_issuer: refuse to start without the issuer's keys. By default that is a warning, and they are
            fetched when they are needed.

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
        **settings: Unpack[Settings],
    ) -> None:
        self.app, self._public, self._optional = app, paths_of(public), flag("optional", optional)
        self._verifier: Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self._bearer = bearer_of(bearer).beside(self._verifier)
        self._require_issuer = flag("require_issuer", require_issuer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, self._starting(receive, send), send)
            return
        state = scope.setdefault("state", {})
        state["token"] = None
        if is_cors_preflight(scope):
            scope, receive, send = {**scope, "query_string": b""}, _emptied(receive), bodiless(send)
        elif not self._is_public(scope):
            try:
                state["token"] = await verified(self._verifier, self._bearer, scope, optional=self._optional)
            except RightkeyError as error:
                await respond(self._bearer.refusal(error), scope, receive, send)
                return
        await self.app(scope, receive, answering(renewing(send, scope), hidden(self._bearer, scope)))

    def _is_public(self, scope: Scope) -> bool:
        return routed(scope) in self._public and not _DISGUISED.search(scope.get("raw_path") or b"")

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


class Nonces:
    """ASGI middleware for apps whose routes verify tokens themselves, as FastAPI's dependencies do: where a
    client's DPoP nonce will soon end, its answer has the next one (RFC 9449, section 8.2)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, _telling(send, scope) if scope["type"] == "http" else send)


class Readiness:
    """An ASGI application for health checks: 200 where tokens can be verified, else 503.

    It fetches keys where there are none, within the pauses after failures: a service that gets no request
    until it is ready could otherwise never become so. An outage that the held keys outlast is not a 503.
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
    """ASGI middleware for apps that call a verifier themselves: an unreachable issuer becomes a 503 instead
    of an unhandled error.

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


async def verified(
    verifier: Verifying, bearer: Bearer, scope: Scope, *, optional: bool = False
) -> Verified | None:
    """The verified token of a request; None where it has none and needs none.

    Raises:
        TokenRejected, IssuerUnavailable: as `verify`; also `token_missing`, `request_malformed`.
    """
    credential = credential_of(bearer, scope, optional=optional)
    return None if credential is None else await credential.verified_async(verifier.verify)


def credential_of(bearer: Bearer, scope: Scope, *, optional: bool) -> Credential | None:
    """The token that a request carries, with its proof; None where it has none and needs none.

    Raises:
        TokenRejected: `token_missing`, `request_malformed`.
    """
    wanted = bearer.header_octets
    headers = [
        (key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"] if key in wanted
    ]
    query = scope.get("query_string", b"").decode("latin-1")
    return carried(bearer, headers, query, lambda: _sent(scope), scope, optional=optional)


def _sent(scope: Scope) -> Sent:
    path, tls = scope.get("raw_path"), (scope.get("extensions") or {}).get("tls") or {}
    sent = path.decode("latin-1") if path else escaped(scope["path"])
    certificate = next(iter(tls.get("client_cert_chain") or ()), None)
    connection = Connection((scope.get("client") or (None,))[0], certificate)
    return Sent(scope.get("method", "GET"), sent, connection)  # a websocket's handshake is a GET


async def prepare(verifier: Verifying, *, required: bool) -> None:
    """Have the keys fetched before serving.

    Raises:
        IssuerFault: they cannot be fetched, and are required; otherwise that is logged.
    """
    try:
        await verifier.prepare()
    except IssuerFault as error:
        if required:
            raise
        LOG.warning("%s; requests get 503 until they can be fetched", _unstarted(error))


def routed(scope: Scope) -> str:
    """The path that an application routes by: without the path that it is mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    below = path[len(root) :] if path.startswith(root) else path
    return below if below.startswith("/") or not below else path


def renewing(send: Send, scope: Scope) -> Send:
    """Sends an answer to a request that was verified, with the nonce that its client should be told."""
    return send if renewed(scope) is None else _telling(send, scope)


def _telling(send: Send, scope: Scope) -> Send:
    async def sent(message: Message) -> None:
        nonce = renewed(scope) if message["type"] in _BEGINNINGS else None
        if nonce is not None and not any(name.lower() == _NONCE for name, _ in message.get("headers", ())):
            message = {**message, "headers": [*message.get("headers", ()), (_NONCE, nonce.encode())]}
        await send(message)

    return sent


def is_cors_preflight(scope: Scope) -> bool:
    """Whether it is a CORS preflight."""
    if scope.get("method") != "OPTIONS":
        return False
    # A WSGI application behind an adapter does not tell an underscore from a hyphen.
    names = {key.decode("latin-1").lower().replace("_", "-") for key, _ in scope["headers"]}
    return is_preflight("OPTIONS", names)


def _emptied(receive: Receive) -> Receive:
    """Receives no body, of a preflight: some applications take another method than the request's from there,
    or from the query."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def received() -> Message:
        if messages:
            return messages.pop()
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return received


def bodiless(send: Send) -> Send:
    """Sends the status and headers of an answer and none of its body, however an application sends that.

    What a preflight is answered is public, and an application may take any method for the same.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [each for each in message.get("headers", ()) if each[0].lower() not in _OF_BODY]
            headers = [*kept, (b"content-length", b"0")]
            await send({"type": message["type"], "status": message["status"], "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    return sent


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
    return f"could not fetch the issuer's keys at startup: {error}"


_NONCE = NONCE.lower().encode()
_BEGINNINGS = ("http.response.start", "websocket.accept")
_OF_BODY = {b"content-length", b"content-type", b"content-encoding", b"transfer-encoding", b"trailer"}

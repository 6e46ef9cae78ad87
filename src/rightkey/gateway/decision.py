"""Decision: what a proxy is answered for one request. Nothing here knows a socket.

    passes                200   the identity headers, all of them; no body (204 is no pass for Envoy)
    TokenRejected         401   a challenge; 403 where the token lacks what the route requires
    request_malformed     400   several tokens, or something that is not one
    NoRoute               403   no route, or a path that services read in different ways
    Unsaid                500   the proxy does not say what its client asked for
    IssuerFault           503   Retry-After

What is refused carries its status in `X-Auth-Status` too: nginx makes 500 of all but 401 and 403. Nothing may
be cached: an answer counts for one method, path and moment.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from rightkey.errors import RightkeyError, TokenRejected
from rightkey.gateway.dialect import Asked, Dialect, Unsaid
from rightkey.gateway.eager import Begun, begun
from rightkey.gateway.identity import STATUS, Identity
from rightkey.gateway.routes import NoRoute, Route, Routes
from rightkey.integrations.bearer import Bearer
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried
from rightkey.verdict.verified import Verified


class Verifying(Protocol):
    """What is needed of AsyncVerifier and AsyncVerifiers."""

    async def verify(self, raw: str | bytes, /, **asks: Any) -> Verified: ...


class Question(NamedTuple):
    """A request of a proxy. Of its headers those that count, by names in lower case, with all values."""

    method: str
    target: str
    fields: Mapping[str, list[str]]


class Answer(NamedTuple):
    """What the proxy is answered. `code` is `ok`, `public`, or why not."""

    status: int
    code: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def octets(self, *, close: bool = False, bodiless: bool = False) -> bytes:
        """As HTTP/1.1.

        Args:
            close: whether the connection ends with it.
            bodiless: whether HEAD was asked, whose answer has no body.
        """
        status, _, fields, body = self
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
        end = "Connection: close\r\n\r\n" if close else "\r\n"
        head = f"{_LINES[status]}{lines}Content-Length: {len(body)}\r\n{end}".encode("latin-1")
        return head if bodiless or not body else head + body


def refused(status: int, code: str, message: str, *fields: tuple[str, str]) -> Answer:
    """A refusal that tells why, as JSON."""
    return _told(status, code, json.dumps({"code": code, "message": message}).encode(), fields)


@dataclass(frozen=True, slots=True)
class Decision:
    """Answers questions.

    Args:
        dialect: of the proxy that asks.
        routes: which rule counts for a request.
        verifier: for asyncio.
        bearer: where requests carry their tokens, and what challenges say.
        identity: what the service is told of a token.
    """

    dialect: Dialect
    routes: Routes
    verifier: Verifying
    bearer: Bearer
    identity: Identity

    @property
    def names(self) -> frozenset[str]:
        """The headers that count, in lower case."""
        return self.dialect.names | self.bearer.header_names

    def __call__(self, question: Question) -> Answer | Awaitable[Answer]:
        """The answer; something to await only where keys must be waited for."""
        try:
            asked = self.dialect.asked(*question)
            route = self.routes.find(asked)
            credential = None if route.public else self._credential(route, asked, question.fields)
        except NoRoute as error:
            return refused(403, error.code, error.message)
        except Unsaid as error:
            return refused(500, "request_unsaid", str(error))
        except RightkeyError as error:
            return self._refusal(error, route)
        if credential is None:
            return Answer(200, "public", (*_FRESH, *self.identity.empty))
        return self._judged(credential, route)

    def _judged(self, credential: Credential, route: Route) -> Answer | Awaitable[Answer]:
        raw, presented = credential
        verify = self.verifier.verify
        try:
            token = begun(verify(raw) if presented is None else verify(raw, presented=presented))
            if isinstance(token, Begun):
                return self._later(token, credential, route)
            return self._passed(token, route, credential)
        except RightkeyError as error:
            return self._refusal(error, route, credential)

    async def _later(self, token: Begun[Verified], credential: Credential, route: Route) -> Answer:
        try:
            return self._passed(await token, route, credential)
        except RightkeyError as error:
            return self._refusal(error, route, credential)

    def _passed(self, token: Verified, route: Route, credential: Credential) -> Answer:
        """Raises InsufficientScope."""
        if route.require is not None:
            token.require(route.require)
        fields = (*_FRESH, *self.identity.fields(token.claims))
        presented = credential.presented
        if presented is not None and presented.nonce is not None:
            fields = (*fields, (NONCE, presented.nonce))
        return Answer(200, "ok", fields)

    def _credential(self, route: Route, asked: Asked, fields: Mapping[str, list[str]]) -> Credential | None:
        raw = self.bearer.usual(fields.get("authorization", ()))
        if raw is not None:  # how it is written is looked at where it is refused: verified ones are tokens
            return Credential(raw)
        headers = [(name, value) for name in self.bearer.header_names for value in fields.get(name, ())]
        path, _, query = asked.uri.partition("?")
        sent = partial(Sent, asked.method, path, _UNKNOWN)
        return carried(self.bearer, headers, query, sent, {}, optional=route.optional)

    def _refusal(self, error: RightkeyError, route: Route, credential: Credential | None = None) -> Answer:
        if credential is not None and isinstance(error, TokenRejected):
            error.scheme = credential.scheme
            error = self.bearer.not_a_token(credential.raw) or error
        refusal = self.bearer.refusal(error, route.require)
        nonce = None if credential is None else credential.nonce
        headers = refusal.headers if nonce is None else {**refusal.headers, NONCE: nonce}
        return _told(refusal.status, error.code, refusal.content, (*headers.items(),))


def _told(status: int, code: str, body: bytes, fields: tuple[tuple[str, str], ...]) -> Answer:
    told = ((STATUS, str(status)), ("Content-Type", "application/json"))
    return Answer(status, code, (*_FRESH, *told, *fields), body)


_FRESH: tuple[tuple[str, str], ...] = (("Cache-Control", "no-store"),)
_LINES = {int(status): f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_UNKNOWN = Connection(None)
"""What the client's TLS was is the proxy's to know."""

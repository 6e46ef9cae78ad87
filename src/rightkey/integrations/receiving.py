"""Receiving: an endpoint to which an issuer posts tokens that deny others, as an ASGI or a WSGI application.

A token is verified, what it names is denied, and only then is it remembered as used: one that could not be
denied may be sent again, and to deny twice is to deny once.
"""

from __future__ import annotations

import inspect
import json
import math
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple

from rightkey.errors import IssuerUnavailable, Misconfigured, RequestMalformed, RightkeyError, TokenRejected
from rightkey.policy.trust import MAX_LEEWAY
from rightkey.proof.replays import used_token
from rightkey.verifier.denylist import require_receiver

MAX_BODY = 128 * 1024
"""Octets of a request that brings such a token."""
ONCE_FOR = 7200.0
"""Seconds for which such a token is remembered as used, at most."""
_FRESH = {"Cache-Control": "no-store"}
Message = MutableMapping[str, Any]


class Answer(NamedTuple):
    """What the issuer is answered. Nothing of it may be cached."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


def answer(status: int, told: Mapping[str, str] | None = None, **headers: str) -> Answer:
    """An answer, with what it tells as JSON."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    if told is None:
        return Answer(status, _FRESH | more)
    return Answer(status, {**_FRESH, "Content-Type": "application/json", **more}, json.dumps(told).encode())


class Receiver:
    """What is common to all of them.

    Args:
        verifier: of one issuer or several, for tokens of the profile, with a `denylist`.

    Raises:
        Misconfigured: it is of another profile, without a denylist, or for threads where tasks are.
    """

    profile: ClassVar[str]
    media_type: ClassVar[str]
    once: ClassVar[bool] = True
    """Whether a token that comes again is refused. What it denies is denied already."""
    waits: ClassVar[bool]
    """Whether its verifier is one for tasks."""

    def __init__(self, verifier: Any) -> None:
        require_receiver(verifier, self.profile)
        if inspect.iscoroutinefunction(verifier.verify) is not self.waits:
            kind = "AsyncVerifier" if self.waits else "Verifier"
            raise Misconfigured(f"{type(self).__name__} needs a rightkey.{kind}")
        self._verifier = verifier

    # -- what each kind of token has of its own

    def _token(self, body: bytes) -> str:
        """The token in a body. Raises RequestMalformed."""
        raise NotImplementedError  # pragma: no cover

    def _denials(self, claims: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is denied, as `deny` takes it. Raises RequestMalformed: that cannot be told."""
        raise NotImplementedError  # pragma: no cover

    def _accepted(self) -> Answer:
        raise NotImplementedError  # pragma: no cover

    def _refused(self, error: TokenRejected) -> Answer:
        raise NotImplementedError  # pragma: no cover

    # -- one request

    def _now(self) -> float:
        clock: Callable[[], float] | None = self._verifier._settings[2].sound_clock
        return time.time() if clock is None else clock()

    def _steps(self, content_type: str, body: bytes) -> Generator[Any, Any, Answer]:
        """The path of a request. What a step yields may have to be awaited."""
        try:
            if content_type.partition(";")[0].strip().lower() != self.media_type:
                raise malformed(f"the request's Content-Type must be {self.media_type}")
            token = yield self._verifier.verify(self._token(body))
            claims = token.claims  # these profiles require iss and jti, and every profile that they are text
            now = self._now()
            if claims["iat"] > now + MAX_LEEWAY:  # it would deny tokens of later logins
                raise malformed("the token's iat is in the future: a time is in seconds since 1970")
            for asked in self._denials(claims):
                yield self._verifier.deny(**asked, issuer=claims["iss"])
            if self.once:
                used = used_token(self.profile, claims["iss"], claims["jti"], _until(claims, now))
                proving = self._verifier._proving
                if not (yield (proving.is_first_async(*used) if self.waits else proving.is_first(*used))):
                    raise malformed("the token was used before")
        except TokenRejected as error:
            return self._refused(error)
        except RightkeyError as error:
            after = getattr(error, "retry_after", None) or 1.0
            status = error.status if isinstance(error, IssuerUnavailable) else 500
            return answer(status or 500, {"error": error.code}, Retry_After=str(max(1, math.ceil(after))))
        return self._accepted()


def malformed(why: str) -> RequestMalformed:
    """The error for a request or a token that says nothing by which anything could be denied."""
    return RequestMalformed("request_malformed", why)


def _until(claims: Mapping[str, Any], now: float) -> float:
    end: Any = claims.get("exp")
    most = now + ONCE_FOR
    return min(end, most) if type(end) in (int, float) else most


class Wsgi(Receiver):
    """As a WSGI application."""

    waits = False

    def answer(self, content_type: str, body: bytes) -> Answer:
        """What a POST request is answered, for a framework without an application of its own for it."""
        steps, value = self._steps(content_type, body), None
        while True:
            try:
                value = steps.send(value)
            except StopIteration as end:
                told: Answer = end.value
                return told

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = _NOT_POST
        if environ["REQUEST_METHOD"] == "POST":
            body = _body(environ)
            told = _TOO_LARGE if body is None else self.answer(environ.get("CONTENT_TYPE", ""), body)
        phrase = f"{told.status} {HTTPStatus(told.status).phrase}"
        start_response(phrase, [*told.headers.items(), ("Content-Length", str(len(told.body)))])
        return [told.body]


class Asgi(Receiver):
    """As an ASGI application."""

    waits = True

    async def answer(self, content_type: str, body: bytes) -> Answer:
        """What a POST request is answered, for a framework without an application of its own for it."""
        steps, value = self._steps(content_type, body), None
        go: Callable[[Any], Any] = steps.send
        while True:
            try:
                step = go(value)
            except StopIteration as end:
                told: Answer = end.value
                return told
            try:
                go, value = steps.send, await step
            except RightkeyError as error:
                go, value = steps.throw, error

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        told = _NOT_POST
        if scope["method"] == "POST":
            names = {name.lower(): value for name, value in scope["headers"]}
            body = await _received(receive)
            kind = names.get(b"content-type", b"").decode("latin-1")
            told = _TOO_LARGE if body is None else await self.answer(kind, body)
        length = (b"content-length", str(len(told.body)).encode())
        headers = [(name.lower().encode(), value.encode()) for name, value in told.headers.items()]
        await send({"type": "http.response.start", "status": told.status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": told.body})


def _body(environ: Mapping[str, Any]) -> bytes | None:
    """None where it is too large."""
    length = str(environ.get("CONTENT_LENGTH") or 0)
    if environ.get("wsgi.input_terminated"):
        body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
        return body if len(body) <= MAX_BODY else None
    if not length.isdecimal() or int(length) > MAX_BODY:
        return None
    whole: bytes = environ["wsgi.input"].read(int(length))
    return whole


async def _received(receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """None where it is too large."""
    body, more = b"", True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
    return None if len(body) > MAX_BODY else body


_NOT_POST = answer(405, {"error": "invalid_request"}, Allow="POST")
_TOO_LARGE = answer(413, {"error": "invalid_request"})

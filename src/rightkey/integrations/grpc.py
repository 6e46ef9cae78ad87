"""gRPC: interceptors for both kinds of server, and the verified token of the call at hand.

    server = grpc.server(pool, interceptors=[RightKeyInterceptor("tenant.eu.auth0.com", audience="...")])

    def Delete(self, request, context):
        subject = current_token().subject

The token is in the metadata `authorization`, with the scheme `Bearer`; or `DPoP`, with a proof in the
metadata `dpop`, for a POST to the path `/package.Service/Method`. A status of HTTP elsewhere is one of gRPC
here: INVALID_ARGUMENT for 400, UNAUTHENTICATED for 401, PERMISSION_DENIED for 403, UNAVAILABLE for 503. A
header `DPoP-Nonce` elsewhere is the trailing metadata `dpop-nonce` here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any, Unpack

from rightkey.errors import Misconfigured, RightkeyError, quoted
from rightkey.integrations import asgi, wsgi
from rightkey.integrations.bearer import BEARER
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried
from rightkey.integrations.settings import Settings, extra, paths_of, verifier_from
from rightkey.integrations.views import present
from rightkey.requirements import AllOf, Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier
from rightkey.verifier.threads import Verifier

with extra("grpc"):
    import grpc
    import grpc.aio

PUSHBACK = "grpc-retry-pushback-ms"
"""Trailing metadata: after how long clients may try again (gRFC A6), in milliseconds."""
_NONCE = NONCE.lower()
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_TOKEN: ContextVar[Verified | None] = ContextVar("rightkey_token", default=None)
_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def current_token() -> Verified:
    """The verified token of the call at hand. Raises TokenRejected: `token_missing`, there is none."""
    return present(_TOKEN.get())


class _Rules:
    """Which methods need a token, and what it must grant.

    Args:
        public: methods that need no token, such as `/grpc.health.v1.Health/Check`.
        methods: what a method asks of a token, by its name.

    Raises:
        Misconfigured: no method can have such a name.
    """

    def __init__(self, public: Collection[str], methods: Mapping[str, str | Requirement]) -> None:
        self._public = paths_of(public)
        self._asked = {name: required((asked,)) for name, asked in methods.items()}
        for name in (*self._public, *self._asked):
            if re.fullmatch("/[^/]+/[^/]+", str(name)) is None:  # none would match, and nothing be asked
                raise Misconfigured(
                    f"{quoted(name)} is not a method's full name", hint="such as /grpc.health.v1.Health/Check"
                )

    def open_to_all(self, method: str) -> bool:
        return method in self._public

    def credential(self, method: str, metadata: Iterable[Any]) -> Credential:
        """The token of a call, with its proof. Raises TokenRejected: `token_missing`, `request_malformed`."""
        headers = [(key, value) for key, value in metadata if isinstance(value, str)]
        found = carried(
            BEARER, headers, "", lambda: Sent("POST", method, Connection(None)), {}, optional=False
        )
        assert found is not None  # noqa: S101 - it was not optional
        return found

    def grant(self, method: str, token: Verified) -> Verified:
        """The token, if it grants what the method asks. Raises InsufficientScope."""
        token.require(self._asked.get(method, AllOf(())))
        return token


class RightKeyInterceptor(grpc.ServerInterceptor):
    """For `grpc.server`.

    Args:
        issuer, verifier, settings: as in every integration (`rightkey.integrations.settings`).
        public: methods that need no token, such as `/grpc.health.v1.Health/Check`.
        methods: what a method asks of a token beyond the verifier, by its name.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: wsgi.Verifying | None = None,
        public: Collection[str] = (),
        methods: Mapping[str, str | Requirement] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._verifier: wsgi.Verifying = verifier_from(Verifier, issuer, verifier, settings, type(self))
        self._rules = _Rules(public, methods or {})

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """The method's handler, behind the verifier."""
        handler = continuation(details)
        if handler is None or self._rules.open_to_all(details.method):
            return handler

        def guarded(behaviour: Any) -> Any:
            def called(request: Any, context: grpc.ServicerContext) -> Any:
                found = None
                try:
                    found = self._rules.credential(details.method, context.invocation_metadata())
                    token = self._rules.grant(details.method, found.verified(self._verifier.verify))
                except RightkeyError as error:
                    code, told, trailing = _refusal(error, found)
                    context.set_trailing_metadata(trailing)
                    context.abort(code, told)
                scene = copy_context()  # of this call alone: the thread will serve others
                scene.run(_TOKEN.set, token)
                with _renewing(context, found):
                    answer = scene.run(behaviour, request, context)
                return _within(scene, answer, context, found) if handler.response_streaming else answer

            return called

        return _with_behaviour(handler, guarded)


class AioRightKeyInterceptor(grpc.aio.ServerInterceptor):
    """For `grpc.aio.server`. Arguments are those of RightKeyInterceptor; `verifier` is an AsyncVerifier."""

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: asgi.Verifying | None = None,
        public: Collection[str] = (),
        methods: Mapping[str, str | Requirement] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._verifier: asgi.Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self._rules = _Rules(public, methods or {})

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        """The method's handler, behind the verifier."""
        handler = await continuation(details)
        if handler is None or self._rules.open_to_all(details.method):
            return handler

        async def credential(context: Any) -> Credential | None:  # in the task of its call alone
            found = None
            try:
                found = self._rules.credential(details.method, context.invocation_metadata())
                token = await found.verified_async(self._verifier.verify)
                _TOKEN.set(self._rules.grant(details.method, token))
            except RightkeyError as error:
                code, told, trailing = _refusal(error, found)
                await context.abort(code, told, trailing)
            return found

        def guarded(behaviour: Any) -> Any:
            async def called(request: Any, context: Any) -> Any:
                with _renewing(context, await credential(context)):
                    return await behaviour(request, context)

            async def streaming(request: Any, context: Any) -> Any:
                with _renewing(context, await credential(context)):
                    answers = behaviour(request, context)
                    if not isinstance(answers, AsyncIterable):
                        await answers  # it writes them to the context
                        return
                    async for each in answers:
                        yield each

            return streaming if handler.response_streaming else called

        return _with_behaviour(handler, guarded)


def _within(
    scene: Context, answers: Iterable[Any], context: Any, credential: Credential | None
) -> Iterator[Any]:
    """Each answer as it is asked for, by whichever thread, in the scene of its call."""
    with _renewing(context, credential):
        each = scene.run(iter, answers)
        while (answer := scene.run(next, each, None)) is not None:  # at None gRPC ends a stream, too
            yield answer


@contextmanager
def _renewing(context: Any, credential: Credential | None) -> Iterator[None]:
    """Has a call end with its client's next nonce, beside the trailing metadata that a method sets."""
    nonce = None if credential is None else credential.nonce
    if nonce is None:
        yield
        return
    context.set_trailing_metadata(((_NONCE, nonce),))  # before the method: grpc.aio ends a call in `abort`
    try:
        yield
    finally:
        others = [each for each in context.trailing_metadata() or () if each[0] != _NONCE]
        context.set_trailing_metadata((*others, (_NONCE, nonce)))


def _with_behaviour(handler: Any, guarded: Callable[[Any], Any]) -> Any:
    """The same handler, with what it does behind a guard."""
    kind = _KINDS[2 * handler.request_streaming + handler.response_streaming]
    made = getattr(grpc, f"{kind}_rpc_method_handler")
    return made(
        guarded(getattr(handler, kind)),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _refusal(
    error: RightkeyError, credential: Credential | None
) -> tuple[grpc.StatusCode, str, tuple[tuple[str, str], ...]]:
    """A status, details, and trailing metadata."""
    refusal = BEARER.refusal(error)
    after, nonce = refusal.headers.get("Retry-After"), refusal.headers.get(NONCE)
    renewed = None if credential is None else credential.nonce
    given = {PUSHBACK: after and str(1000 * int(after)), _NONCE: nonce or renewed}
    trailing = tuple((name, value) for name, value in given.items() if value is not None)
    code = _CODES.get(refusal.status, grpc.StatusCode.INTERNAL)
    return code, f"{refusal.body['code']}: {refusal.body['message']}", trailing

"""Any WSGI application behind a verifier: a request comes in with a verified token, or not.

The token is `environ["rightkey.token"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

from rightkey.errors import IssuerFault, RightkeyError
from rightkey.integrations.bearer import BEARER, READY, Bearer, Refusal
from rightkey.integrations.building import chosen, paths_of
from rightkey.verdict.verified import Verified
from rightkey.verifier.threads import Verifier

Environ: TypeAlias = dict[str, Any]
Start: TypeAlias = Callable[..., Any]
App: TypeAlias = Callable[[Environ, Start], Iterable[bytes]]

TOKEN = "rightkey.token"  # noqa: S105 - where a token is, and none


class Verifying(Protocol):
    """What Verifier and Verifiers are to a framework."""

    def verify(self, raw: str | bytes, /) -> Verified: ...

    def prepare(self) -> None: ...


class RightKeyMiddleware:
    """A WSGI middleware. Put what answers CORS preflights outside of it: they carry no token.

    Args:
        app: the application.
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: a Verifier, or several issuers' (`Verifier.of`), instead.
        public: paths that need no token, each exactly as it is; no token is looked for there.
        optional: let requests without a token in, too; a bad one is refused all the same.
        bearer: where requests carry their tokens, and what challenges say.
        require_issuer: fetch the issuer's keys now, and fail without them. By default nothing is fetched
            before the first token: a module that is imported is not yet a service that starts.
        settings: as Verifier takes them: `audience`, `require` and others.

    Raises:
        Misconfigured: a setting is wrong.
        IssuerFault: the keys are required and cannot be had, as `Verifier.prepare` raises it.
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
        self._verifier: Verifying = chosen(Verifier, issuer, verifier, settings)
        self._bearer = bearer
        if require_issuer:
            self._verifier.prepare()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        environ[TOKEN] = None
        if _path(environ) not in self._public:
            try:
                environ[TOKEN] = verified(self._verifier, self._bearer, environ, optional=self._optional)
            except RightkeyError as error:
                return respond(self._bearer.refusal(error), environ, start_response)
        return self.app(environ, start_response)


class Readiness:
    """A WSGI application for health checks: 200 where tokens can be verified, else 503.

    It fetches keys where there are none, within the pauses after failures: a service that is sent no request
    until it is ready could else never become so. An outage that the held keys outlast is no 503.
    """

    def __init__(self, verifier: Verifying, bearer: Bearer = BEARER) -> None:
        self._verifier, self._bearer = verifier, bearer

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        answer = READY
        try:
            self._verifier.prepare()
        except IssuerFault as error:
            answer = self._bearer.refusal(error)
        return respond(answer, environ, start_response)


def verified(
    verifier: Verifying, bearer: Bearer, environ: Mapping[str, Any], *, optional: bool = False
) -> Verified | None:
    """The verified token of a request; None where it has none and needs none.

    Raises:
        TokenRejected, IssuerUnavailable: as `verify`; also `token_missing`, `request_malformed`.
    """
    raw = raw_token(bearer, environ, optional=optional)
    return None if raw is None else verifier.verify(raw)


def raw_token(bearer: Bearer, environ: Mapping[str, Any], *, optional: bool) -> str | None:
    """The token that a request carries; None where it has none and needs none.

    A header that came several times stands joined in an environ, by commas, which are in no token.

    Raises:
        TokenRejected: `token_missing`, `request_malformed`.
    """
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    query = environ.get("QUERY_STRING", "")
    return bearer.token_or_none(headers, query) if optional else bearer.token(headers, query)


def respond(refusal: Refusal, environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer instead of the application; a HEAD without the body (PEP 3333 leaves that to applications)."""
    content = refusal.content
    headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **refusal.headers}
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", [*headers.items()])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


def _path(environ: Environ) -> str:
    """From the root of the host, as text: PEP 3333 has the bytes of a path stand as Latin-1."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path.encode("latin-1").decode(errors="replace")

"""Any WSGI application behind a verifier: a request is let in with a verified token, or refused.

The token is `environ["rightkey.token"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Protocol, TypeAlias, Unpack

from rightkey.errors import IssuerFault, RightkeyError, flag
from rightkey.integrations.bearer import BEARER, READY, Bearer, Refusal, bearer_of
from rightkey.integrations.certificates import Connection
from rightkey.integrations.credential import NONCE, Credential, Sent, carried, escaped, renewed
from rightkey.integrations.settings import Settings, paths_of, verifier_from
from rightkey.integrations.views import is_preflight
from rightkey.policy.presented import Presented
from rightkey.verdict.verified import Verified
from rightkey.verifier.threads import Verifier

Environ: TypeAlias = dict[str, Any]
Start: TypeAlias = Callable[..., Any]
App: TypeAlias = Callable[[Environ, Start], Iterable[bytes]]

TOKEN = "rightkey.token"  # noqa: S105 - the name of a place for a token


class Verifying(Protocol):
    """What a framework needs of Verifier and Verifiers."""

    def verify(self, raw: str | bytes, /, *, presented: Presented | None = None) -> Verified: ...

    def prepare(self) -> None: ...


class RightKeyMiddleware:
    """A WSGI middleware. CORS preflights pass without a token, and are answered without a body.

    Args:
        app: the application.
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`).
        public: paths that need no token, each exactly as the application routes it: `PATH_INFO`, without the
            path that it is mounted at (`SCRIPT_NAME`). No token is looked for there.
        optional: let requests without a token in too; a bad token is refused all the same.
        require_issuer: fetch the issuer's keys now, and fail without them. By default nothing is fetched
            before the first token: a module that is imported is not yet a service that starts.

    Raises:
        Misconfigured: a setting is wrong.
        IssuerFault: the keys are required and cannot be fetched, as `Verifier.prepare` raises it.
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
        self.app, self._optional = app, flag("optional", optional)
        self._public = {_latin(path) for path in paths_of(public)}
        self._verifier: Verifying = verifier_from(Verifier, issuer, verifier, settings, type(self))
        self._bearer = bearer_of(bearer).beside(self._verifier)
        if flag("require_issuer", require_issuer):
            self._verifier.prepare()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        environ[TOKEN] = None
        if is_cors_preflight(environ):
            return _bodiless(self.app, environ, start_response)
        if environ.get("PATH_INFO", "") not in self._public:
            try:
                environ[TOKEN] = verified(self._verifier, self._bearer, environ, optional=self._optional)
            except RightkeyError as error:
                return respond(self._bearer.refusal(error), environ, start_response)
        return self.app(environ, _telling(environ, start_response) if renewed(environ) else start_response)


class Nonces:
    """`rightkey.integrations.asgi.Nonces` for WSGI, such as around Django's application."""

    def __init__(self, app: App) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        return self.app(environ, _telling(environ, start_response))


class Readiness:
    """A WSGI application for health checks: `rightkey.integrations.asgi.Readiness`, in threads."""

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
    verifier: Verifying, bearer: Bearer, environ: Environ, *, optional: bool = False
) -> Verified | None:
    """The verified token of a request; None where it has none and needs none.

    Raises:
        TokenRejected, IssuerUnavailable: as `verify`; also `token_missing`, `request_malformed`.
    """
    credential = credential_of(bearer, environ, optional=optional)
    return None if credential is None else credential.verified(verifier.verify)


def credential_of(bearer: Bearer, environ: Environ, *, optional: bool) -> Credential | None:
    """The token that a request carries, with its proof; None where it has none and needs none.

    A header that came several times stands in an environ once, joined by commas, which are in no token and in
    no proof.

    Raises:
        TokenRejected: `token_missing`, `request_malformed`.
    """
    headers = [
        (name, value) for name in bearer.header_names if (value := environ.get(variable_of(name))) is not None
    ]
    query = environ.get("QUERY_STRING", "")
    return carried(bearer, headers, query, lambda: _sent(environ), environ, optional=optional)


def _sent(environ: Mapping[str, Any]) -> Sent:
    sent = environ.get("RAW_URI") or environ.get("REQUEST_URI")  # of gunicorn and others; of uWSGI and others
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    connection = Connection(environ.get("REMOTE_ADDR"), environ.get("SSL_CLIENT_CERT") or None)
    return Sent(environ["REQUEST_METHOD"], sent or escaped(path, encoding="latin-1"), connection)


def variable_of(name: str) -> str:
    """Where a header stands in an environ (RFC 3875, section 4.1.18)."""
    return "HTTP_" + name.upper().replace("-", "_")


def is_cors_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether it is a CORS preflight."""
    if environ["REQUEST_METHOD"] != "OPTIONS":
        return False
    names = (name[5:] for name in environ if name.startswith("HTTP_"))
    return is_preflight("OPTIONS", {name.lower().replace("_", "-") for name in names})


def respond(refusal: Refusal, environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer instead of the application; a HEAD without the body (PEP 3333 leaves that to applications)."""
    content = refusal.content
    headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **refusal.headers}
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", [*headers.items()])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


def _telling(environ: Environ, start_response: Start) -> Start:
    """Starts an answer with the nonce that its client should be told, if that is known by then."""

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        nonce = renewed(environ)
        if nonce is not None and not any(name.lower() == NONCE.lower() for name, _ in headers):
            headers = [*headers, (NONCE, nonce)]
        return start_response(status, headers, *rest)

    return started


def _bodiless(app: App, environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Status and headers of the application's answer, and none of its body.

    What a preflight is answered is public, and an application may take any method for the same. It is asked
    without a query and a body: some take another method than the request's from there.
    """
    environ = {**environ, "QUERY_STRING": "", "CONTENT_LENGTH": "0", "wsgi.input": BytesIO()}

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], None]:
        kept = [each for each in headers if each[0].lower() not in _OF_BODY]
        start_response(status, [*kept, ("Content-Length", "0")], *rest)
        return lambda piece: None

    answer = app(environ, started)
    try:
        next(iter(answer), None)  # an application may start its answer as late as that
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return []


def _latin(path: str) -> str:
    """A path as PEP 3333 has it: its octets as Latin-1."""
    return path.encode().decode("latin-1")


_OF_BODY = {"content-length", "content-type", "content-encoding", "transfer-encoding"}

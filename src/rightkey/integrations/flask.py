"""Flask: a decorator for views, and the verified token of the request at hand.

    auth = RightKey(app, "tenant.eu.auth0.com", audience="https://api.example.com")

    @app.get("/x")
    @auth.require("read:x")
    def read(): return {"for": auth.token.subject}

The verifier is the application's, in `app.extensions["rightkey"]`; the token is the request's, in `g`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Unpack

from rightkey.errors import RightkeyError
from rightkey.integrations.bearer import BEARER, Bearer, bearer_of
from rightkey.integrations.credential import NONCE, renewed
from rightkey.integrations.settings import Settings, environ_of, extra, verifier_from
from rightkey.integrations.views import present
from rightkey.integrations.wsgi import Verifying, is_cors_preflight, verified
from rightkey.requirements import Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.threads import Verifier

with extra("flask"):
    from flask import Flask, Response, current_app, g, jsonify, request

_P = ParamSpec("_P")


class RightKey:
    """An extension. Errors of rightkey become answers in the whole application, with their challenge.

    Args:
        app: the application; or later, by `init_app`.
        issuer, verifier, bearer, settings: as in every integration (`rightkey.integrations.settings`); where
            there is neither issuer nor verifier, `app.config` counts over environment variables.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        app: Flask | None = None,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        bearer: Bearer = BEARER,
        **settings: Unpack[Settings],
    ) -> None:
        if issuer is not None or verifier is not None:
            verifier, settings = verifier_from(Verifier, issuer, verifier, settings, type(self)), {}
        self._verifier, self._bearer, self._settings = verifier, bearer_of(bearer), settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Guard an application. Its verifier is `app.extensions["rightkey"]`; a test puts another there."""
        environ = environ_of(app.config)
        verifier = verifier_from(Verifier, None, self._verifier, self._settings, type(self), environ)
        app.extensions["rightkey"] = verifier
        app.register_error_handler(RightkeyError, self._answered)
        app.after_request(_renewed)

    def __call__(self, view: Callable[_P, Any]) -> Callable[_P, Any]:
        """Let a view take only requests with a verified token. A CORS preflight is answered in its place."""
        return self.require()(view)

    def require(self, *asked: str | Requirement) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]:
        """Let a view take only requests whose token grants all of this.

        Raises:
            Misconfigured: something else than a string or a requirement.
        """
        requirement = required(asked)

        def decorate(view: Callable[_P, Any]) -> Callable[_P, Any]:
            @wraps(view)
            def protected(*args: _P.args, **named: _P.kwargs) -> Any:
                if is_cors_preflight(request.environ):
                    return current_app.make_default_options_response()
                self._verify(requirement)
                self.token.require(requirement)
                return current_app.ensure_sync(view)(*args, **named)

            return protected

        return decorate

    def optional(self, view: Callable[_P, Any]) -> Callable[_P, Any]:
        """Let a view take requests without a token too; a bad token is refused all the same."""

        @wraps(view)
        def open_to_all(*args: _P.args, **named: _P.kwargs) -> Any:
            if is_cors_preflight(request.environ):
                return current_app.make_default_options_response()
            self._verify(None, optional=True)
            return current_app.ensure_sync(view)(*args, **named)

        return open_to_all

    @property
    def token(self) -> Verified:
        """The verified token of the request at hand. Raises TokenRejected: `token_missing`, there is none."""
        return present(self.token_or_none)

    @property
    def token_or_none(self) -> Verified | None:
        """Like `token`, but None if the request carries none, as under `optional`."""
        token: Verified | None = g.get("rightkey_token")
        return token

    def _verify(self, asked: Requirement | None, *, optional: bool = False) -> None:
        g.rightkey_token, g.rightkey_asked = None, asked  # a test's context may be of several requests
        verifier: Verifying = current_app.extensions["rightkey"]
        g.rightkey_token = verified(verifier, self._bearer, request.environ, optional=optional)

    def _answered(self, error: RightkeyError) -> Response:
        bearer = self._bearer.beside(current_app.extensions["rightkey"])
        refusal = bearer.refusal(error, g.get("rightkey_asked"))
        answer = jsonify(refusal.body)
        answer.status_code = refusal.status
        answer.headers.update(refusal.headers)
        return answer


def _renewed(answer: Response) -> Response:
    """Tells the client its next DPoP nonce, where that of its proof will soon end."""
    nonce = renewed(request.environ)
    if nonce is not None:
        answer.headers.setdefault(NONCE, nonce)
    return answer

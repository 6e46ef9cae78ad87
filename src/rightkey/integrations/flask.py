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
from typing import Any, ParamSpec

from flask import Flask, Response, current_app, g, jsonify, request

from rightkey.errors import RightkeyError
from rightkey.integrations.asking import present
from rightkey.integrations.bearer import BEARER, Bearer
from rightkey.integrations.building import chosen, environ_of
from rightkey.integrations.wsgi import Verifying, verified
from rightkey.requirements import Requirement, required
from rightkey.verdict.verified import Verified
from rightkey.verifier.threads import Verifier

_P = ParamSpec("_P")


class RightKey:
    """An extension. Errors of rightkey become answers in the whole application, with their challenge.

    Args:
        app: the application; or later, by `init_app`.
        issuer: a domain or URL; without it and `verifier`, `app.config` says, and environment variables where
            it does not: `RIGHTKEY_ISSUER` and others.
        verifier: a Verifier, or several issuers' (`Verifier.of`), instead.
        bearer: where requests carry their tokens, and what challenges say.
        settings: as Verifier takes them: `audience`, `require` and others.

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
        **settings: Any,
    ) -> None:
        if issuer is not None or verifier is not None:
            verifier, settings = chosen(Verifier, issuer, verifier, settings), {}
        self._verifier, self._bearer, self._settings = verifier, bearer, settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Take an application on. Its verifier is `app.extensions["rightkey"]`; a test puts another there."""
        verifier = chosen(Verifier, None, self._verifier, self._settings, environ_of(app.config))
        app.extensions["rightkey"] = verifier
        app.register_error_handler(RightkeyError, self._answered)

    def __call__(self, view: Callable[_P, Any]) -> Callable[_P, Any]:
        """Have a view take requests with a verified token alone."""
        return self.require()(view)

    def require(self, *asked: str | Requirement) -> Callable[[Callable[_P, Any]], Callable[_P, Any]]:
        """Have a view take requests alone whose token grants all of this.

        Raises:
            Misconfigured: something else than a string or a requirement.
        """
        requirement = required(asked)

        def decorate(view: Callable[_P, Any]) -> Callable[_P, Any]:
            @wraps(view)
            def protected(*args: _P.args, **named: _P.kwargs) -> Any:
                self._verify(requirement)
                self.token.require(requirement)
                return current_app.ensure_sync(view)(*args, **named)

            return protected

        return decorate

    def optional(self, view: Callable[_P, Any]) -> Callable[_P, Any]:
        """Have a view take requests without a token, too; a bad one is refused all the same."""

        @wraps(view)
        def open_to_all(*args: _P.args, **named: _P.kwargs) -> Any:
            self._verify(None, optional=True)
            return current_app.ensure_sync(view)(*args, **named)

        return open_to_all

    @property
    def token(self) -> Verified:
        """The verified token of the request at hand. Raises TokenRejected: `token_missing`, there is none."""
        return present(g.get("rightkey_token"))

    def _verify(self, asked: Requirement | None, *, optional: bool = False) -> None:
        g.rightkey_token, g.rightkey_asked = None, asked  # a test's context may be of several requests
        verifier: Verifying = current_app.extensions["rightkey"]
        g.rightkey_token = verified(verifier, self._bearer, request.environ, optional=optional)

    def _answered(self, error: RightkeyError) -> Response:
        refusal = self._bearer.refusal(error, g.get("rightkey_asked"))
        answer = jsonify(refusal.body)
        answer.status_code = refusal.status
        answer.headers.update(refusal.headers)
        return answer

"""Flask: a decorator for views, and the verified token of the request at hand.

    auth = RightKey(app, "tenant.eu.auth0.com", audience="https://api.example.com")

    @app.get("/x")
    @auth.require("read:x")
    def read(): return {"for": auth.token.subject}

The verifier is the application's, in `app.extensions["rightkey"]`; the token is the request's, in `g`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol

from flask import Flask, Response, current_app, g, jsonify, request

from rightkey.environment import PREFIX
from rightkey.errors import Misconfigured, RightkeyError, TokenRejected
from rightkey.integrations.bearer import Bearer
from rightkey.requirements import Requirement, required
from rightkey.sync import Verifier
from rightkey.verdict import Verified

_P = ParamSpec("_P")


class Verifying(Protocol):
    """What Verifier and Verifiers are to a framework."""

    def verify(self, raw: str | bytes, /) -> Verified: ...


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
        bearer: Bearer = Bearer(),  # noqa: B008 - a frozen value
        **settings: Any,
    ) -> None:
        if issuer is not None and "audience" not in settings and verifier is None:
            raise Misconfigured("audience is missing", hint="the API's identifier at the issuer")
        if verifier is not None and (issuer is not None or settings):
            raise Misconfigured("a verifier has its settings already: give it, or an issuer and settings")
        if issuer is not None:
            verifier = Verifier(issuer, **settings)
        self._verifier, self._bearer, self._settings = verifier, bearer, settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Take an application on. Its verifier is `app.extensions["rightkey"]`; a test puts another there."""
        verifier = self._verifier or Verifier.from_env(_environ(app), **self._settings)
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
            try:
                self._verify(None)
            except TokenRejected as error:
                if error.code != "token_missing":
                    raise
            return current_app.ensure_sync(view)(*args, **named)

        return open_to_all

    @property
    def token(self) -> Verified:
        """The verified token of the request at hand. Raises TokenRejected: `token_missing`, there is none."""
        token: Verified | None = g.get("rightkey_token")
        if token is None:
            raise TokenRejected("token_missing", "no token was given")
        return token

    def _verify(self, asked: Requirement | None) -> None:
        g.rightkey_token, g.rightkey_asked = None, asked  # a test's context may be of several requests
        raw = self._bearer.token(request.headers.items(), request.query_string.decode("latin-1"))
        verifier: Verifying = current_app.extensions["rightkey"]
        g.rightkey_token = verifier.verify(raw)

    def _answered(self, error: RightkeyError) -> Response:
        refusal = self._bearer.refusal(error, g.get("rightkey_asked"))
        answer = jsonify(refusal.body)
        answer.status_code = refusal.status
        answer.headers.update(refusal.headers)
        return answer


def _environ(app: Flask) -> dict[str, str]:
    """Variables of the process, and over them what the application's configuration says."""
    ours = {name: value for name, value in app.config.items() if name.startswith(PREFIX)}
    return {**os.environ, **{name: _text(value) for name, value in ours.items()}}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(value)
    return "" if value is None else str(value)

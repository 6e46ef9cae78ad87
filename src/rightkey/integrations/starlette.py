"""Starlette's own authentication: `request.user`, `request.auth`, and `@requires` with the token's scopes."""

from __future__ import annotations

from typing import Any

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from rightkey.errors import RightkeyError
from rightkey.integrations.asgi import Verifying, verified, verifier_of
from rightkey.integrations.bearer import BEARER, Bearer, Refusal
from rightkey.verdict.verified import Verified


class TokenUser(BaseUser):
    """Whom a token speaks of. `token` is all of it."""

    def __init__(self, token: Verified) -> None:
        self.token = token

    @property
    def is_authenticated(self) -> bool:
        """True: the token was verified."""
        return True

    @property
    def display_name(self) -> str:
        """The token's subject."""
        return self.token.subject or ""

    @property
    def identity(self) -> str:
        """The token's subject."""
        return self.token.subject or ""


class Refused(AuthenticationError):
    """A token that was refused, with what is to be answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.body["message"])
        self.refusal = refusal


class RightKeyBackend(AuthenticationBackend):
    """For Starlette's AuthenticationMiddleware, which wants `on_error` of it too.

    A request without a token is unauthenticated, and `@requires` decides; a bad one is refused. Arguments are
    those of RightKeyMiddleware.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        bearer: Bearer = BEARER,
        **settings: Any,
    ) -> None:
        self._verifier, self._bearer = verifier_of(issuer, verifier, settings), bearer

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Scopes and user; None where there is no token. Raises Refused."""
        try:
            token = await verified(self._verifier, self._bearer, conn.scope, optional=True)
        except RightkeyError as error:
            raise Refused(self._bearer.refusal(error)) from error
        if token is None:
            return None
        return AuthCredentials(["authenticated", *sorted(token.scopes)]), TokenUser(token)

    @staticmethod
    def on_error(conn: HTTPConnection, error: AuthenticationError) -> Response:
        """What is answered for a bad token; Starlette by itself would say 400."""
        if not isinstance(error, Refused):
            raise error
        refusal = error.refusal
        return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))

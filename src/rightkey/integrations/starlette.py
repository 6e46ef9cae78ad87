"""Starlette's own authentication: `request.user`, `request.auth`, and `@requires` with the token's scopes."""

from __future__ import annotations

from typing import Unpack

from rightkey.errors import RightkeyError
from rightkey.integrations.asgi import Verifying, verified
from rightkey.integrations.bearer import BEARER, Bearer, Refusal, bearer_of, user_key
from rightkey.integrations.handshake import hidden
from rightkey.integrations.settings import Settings, extra, verifier_from
from rightkey.verdict.verified import Verified
from rightkey.verifier.several import Several
from rightkey.verifier.tasks import AsyncVerifier

with extra("starlette"):
    from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
    from starlette.requests import HTTPConnection
    from starlette.responses import JSONResponse, Response


class TokenUser(BaseUser):
    """The subject of a token. `token` is all of it. `several`: whether the verifier has several issuers, of
    which two may have the same subject."""

    def __init__(self, token: Verified, several: bool = False) -> None:
        self.token, self._several = token, several

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
        """The token's subject, with several issuers behind the issuer and a `#`."""
        return user_key(self.token, self._several)


class Refused(AuthenticationError):
    """A token was refused; `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.body["message"])
        self.refusal = refusal


class RightKeyBackend(AuthenticationBackend):
    """For Starlette's AuthenticationMiddleware, which takes `on_error` of it too.

    A request without a token is unauthenticated, and `@requires` decides; a bad token is refused. Arguments
    are as in every integration (`rightkey.integrations.settings`).
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        bearer: Bearer = BEARER,
        **settings: Unpack[Settings],
    ) -> None:
        self._verifier: Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self._bearer = bearer_of(bearer).beside(self._verifier)
        self._several = isinstance(self._verifier, Several)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Scopes and user; None where there is no token. Raises Refused."""
        try:
            token = await verified(self._verifier, self._bearer, conn.scope, optional=True)
        except RightkeyError as error:
            raise Refused(self._bearer.refusal(error)) from error
        hidden(self._bearer, conn.scope)
        if token is None:
            return None
        return AuthCredentials(["authenticated", *sorted(token.scopes)]), TokenUser(token, self._several)

    @staticmethod
    def on_error(conn: HTTPConnection, error: AuthenticationError) -> Response:
        """The answer for a bad token; by itself Starlette would answer 400."""
        if not isinstance(error, Refused):
            raise error
        refusal = error.refusal
        return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))

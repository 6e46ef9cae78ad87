"""What an access token says about the person (OpenID Connect Core 1.0, section 5.3)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from rightkey.localissuer.answers import Answer, document_answer, oauth_error
from rightkey.localissuer.grants.endpoints import access
from rightkey.localissuer.grants.request import OAuthRequest
from rightkey.localissuer.grants.server import PROTOCOL

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Request
    from rightkey.localissuer.grants.server import Server


class UserInfo:
    """The user info endpoint."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def answer(self, asked: Request) -> Answer:
        """The token's claims about the person, or 401."""
        scheme, _, raw = asked.headers.get("authorization", "").partition(" ")
        bearer = raw.strip() if scheme.lower() == "bearer" else ""
        token = access(self._server, bearer or OAuthRequest(asked).payload.data.get("access_token", ""))
        if token is None:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            return oauth_error(HTTPStatus.UNAUTHORIZED, "invalid_token", challenge)
        claims = {name: value for name, value in token.claims.items() if name not in PROTOCOL}
        return document_answer(claims, "no-store")

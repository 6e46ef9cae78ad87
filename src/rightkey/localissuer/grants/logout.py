"""How a person signs out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from rightkey.localissuer.answers import Answer
from rightkey.localissuer.grants import pages
from rightkey.localissuer.grants.endpoints import signed
from rightkey.localissuer.grants.request import OAuthRequest

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Request
    from rightkey.localissuer.grants.server import Server


class Logout:
    """The end session endpoint. There is no session to end, but there are refresh tokens to withdraw."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def answer(self, asked: Request) -> Answer:
        """The way back to the client, or a page that says that it is done."""
        data = OAuthRequest(asked).payload.data
        hint = signed(self._server, data.get("id_token_hint", "")) or {}
        client_id, sub = data.get("client_id") or hint.get("aud"), hint.get("sub")
        if isinstance(sub, str) and isinstance(hint.get("aud"), str):
            self._server.ledger.withdraw_all(hint["aud"], sub)
        client = self._server.issuer.clients.find(str(client_id or ""))
        back = data.get("post_logout_redirect_uri")
        if not back or client is None or not client.check_redirect_uri(back):
            return pages.said("Signed out", "You are signed out.")
        return Answer(HTTPStatus.FOUND, {"location": pages.back_to(back, data.get("state"))})

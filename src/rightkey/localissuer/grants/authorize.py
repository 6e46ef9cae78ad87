"""Who signs in at the authorization endpoint, and what the client gets back (RFC 6749, section 4.1)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oidc.core.errors import LoginRequiredError

from rightkey.localissuer.answers import Answer, Request, oauth_error
from rightkey.localissuer.grants import pages
from rightkey.localissuer.grants.server import permission

if TYPE_CHECKING:
    from rightkey.localissuer.grants.request import OAuthRequest
    from rightkey.localissuer.grants.server import Server


class Authorize:
    """The authorization endpoint."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def answer(self, asked: Request) -> Answer:
        """A page that asks who signs in, or the way back to the client."""
        request = self._server.create_oauth2_request(asked)
        try:
            grant = self._server.get_consent_grant(request)
        except OAuth2Error as error:
            return self._refused(request, error)
        except ValueError:  # Authlib quotes what it was given, and cannot quote everything
            return oauth_error(HTTPStatus.BAD_REQUEST, "invalid_request")
        data = request.payload.data
        if data.get("prompt") == "none":
            return self._without_page(request, grant)
        if pages.DECISION not in data:
            return self._page(request)
        if data[pages.DECISION] != "allow":
            return self._decided(request, grant, None)
        try:
            return self._decided(request, grant, pages.typed(data))
        except ValueError:
            return self._page(request, pages.NO_OBJECT)

    def _without_page(self, request: OAuthRequest, grant: Any) -> Answer:
        """There are no sessions here, so that `login_hint` takes the place of one."""
        hint = request.payload.data.get("login_hint")
        if hint:
            return self._decided(request, grant, pages.Person(hint, {}))
        return self._refused(request, LoginRequiredError(redirect_uri=grant.redirect_uri))

    def _decided(self, request: OAuthRequest, grant: Any, person: pages.Person | None) -> Answer:
        now = self._server.issuer.clock()
        allowed = person and permission(request, person.sub, person.claims, now=now)
        answered: Answer = self._server.create_authorization_response(request, allowed, grant)
        return answered

    def _page(self, request: OAuthRequest, problem: str = "") -> Answer:
        own = (pages.SUB, pages.CLAIMS, pages.DECISION)
        fields = [(name, value) for name, value in request.payload.pairs if name not in own]
        data = request.payload.data
        proposed = pages.proposed(data, data.get("login_hint"))
        return pages.sign_in(data["client_id"], fields, proposed, problem)

    def _refused(self, request: OAuthRequest, error: OAuth2Error) -> Answer:
        error.state = request.payload.state
        answered: Answer = self._server.handle_error_response(request, error)
        return answered

"""Which endpoint of OAuth answers a request.

Client credentials, authorization code with PKCE and a sign-in by one click, hybrid flows, refresh tokens with
rotation and reuse detection, device codes, token exchange and on-behalf-of; user info, introspection,
revocation and logout. Any client may ask, unless clients were listed.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from authlib.oauth2.rfc7636 import CodeChallenge

from rightkey.localissuer.answers import Answer, Request, oauth_error
from rightkey.localissuer.grants.authorize import Authorize
from rightkey.localissuer.grants.device import Activate
from rightkey.localissuer.grants.endpoints import ENDPOINTS
from rightkey.localissuer.grants.exchange import EXCHANGES
from rightkey.localissuer.grants.kinds import KINDS, AuthorizationCode, Hybrid
from rightkey.localissuer.grants.logout import Logout
from rightkey.localissuer.grants.server import Server
from rightkey.localissuer.grants.userinfo import UserInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.issuer import Issuer

_GET_POST, _POST = ("GET", "POST"), ("POST",)


class Grants:
    """Answers for one issuer's endpoints, one request at a time: a code cannot be used twice at once."""

    def __init__(self, issuer: Issuer) -> None:
        self._turn = threading.Lock()
        self._server = Server(issuer)
        for kind in (*KINDS, *EXCHANGES):
            extensions = [CodeChallenge(required=True)] if kind in (AuthorizationCode, Hybrid) else None
            self._server.register_grant(kind, extensions)
        for endpoint in ENDPOINTS:
            self._server.register_endpoint(endpoint)
        self._answers: dict[str, tuple[tuple[str, ...], Callable[[Request], Answer]]] = {
            "authorize": (_GET_POST, Authorize(self._server).answer),
            "token": (_POST, self._server.create_token_response),
            "introspect": (_POST, self._registered("introspection")),
            "revoke": (_POST, self._registered("revocation")),
            "device": (_POST, self._registered("device_authorization")),
            "activate": (_GET_POST, Activate(self._server).answer),
            "userinfo": (_GET_POST, UserInfo(self._server).answer),
            "logout": (_GET_POST, Logout(self._server).answer),
        }

    def answer(self, endpoint: str, request: Request) -> Answer:
        """The answer to a request for an endpoint."""
        methods, answer = self._answers[endpoint]
        if request.method not in methods:
            allowed = {"allow": ", ".join(methods)}
            return oauth_error(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", allowed)
        with self._turn:
            try:
                return answer(request)
            except UnicodeError:  # credentials that are not UTF-8, which Authlib does not catch
                return oauth_error(HTTPStatus.BAD_REQUEST, "invalid_request")

    def _registered(self, name: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            answered: Answer = self._server.create_endpoint_response(name, request)
            return answered

        return answer

"""How people and programs get tokens: OAuth's grants by Authlib's server, and what goes with them.

Client credentials, authorization code with PKCE and a sign-in by one click, refresh tokens with rotation and
reuse detection, and device codes; user info, introspection, revocation and logout. Any client may ask,
unless clients were listed.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.errors import LoginRequiredError

from rightkey.jose import strictjson
from rightkey.localissuer.answers import Answer, Asked, document_answer, refused
from rightkey.localissuer.grants import pages
from rightkey.localissuer.grants.endpoints import ENDPOINTS, access, signed
from rightkey.localissuer.grants.kinds import KINDS, AuthorizationCode
from rightkey.localissuer.grants.ledger import DEVICE
from rightkey.localissuer.grants.server import PROTOCOL, Request, Server, permission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rightkey.localissuer.issuing import LocalIssuer

_SUBJECT = "alice"  # who signs in unless somebody says otherwise
_NO_OBJECT = "The further claims are not a JSON object."


class Grants:
    """Answers for one issuer's endpoints, one request at a time: a code cannot be used twice at once."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self._issuer, self._turn = issuer, threading.Lock()
        self._server = Server(issuer)
        for kind in KINDS:
            extensions = [CodeChallenge(required=True)] if kind is AuthorizationCode else None
            self._server.register_grant(kind, extensions)
        for endpoint in ENDPOINTS:
            self._server.register_endpoint(endpoint)
        self._answers: dict[str, tuple[tuple[str, ...], Callable[[Asked], Answer]]] = {
            "authorize": (("GET", "POST"), self._authorize),
            "token": (("POST",), self._server.create_token_response),
            "introspect": (("POST",), self._beside("introspection")),
            "revoke": (("POST",), self._beside("revocation")),
            "device": (("POST",), self._beside("device_authorization")),
            "activate": (("GET", "POST"), self._activate),
            "userinfo": (("GET", "POST"), self._userinfo),
            "logout": (("GET", "POST"), self._logout),
        }

    def answer(self, endpoint: str, asked: Asked) -> Answer:
        """What this request is answered."""
        methods, answer = self._answers[endpoint]
        if asked.method not in methods:
            return refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", {"allow": ", ".join(methods)})
        with self._turn:
            try:
                return answer(asked)
            except UnicodeError:  # credentials that are no UTF-8: Authlib lets that pass
                return refused(HTTPStatus.BAD_REQUEST, "invalid_request")

    def _beside(self, name: str) -> Callable[[Asked], Answer]:
        def answer(asked: Asked) -> Answer:
            answered: Answer = self._server.create_endpoint_response(name, asked)
            return answered

        return answer

    # -- signing in ----------------------------------------------------------------------------------------

    def _authorize(self, asked: Asked) -> Answer:
        request = self._server.create_oauth2_request(asked)
        try:
            grant = self._server.get_consent_grant(request)
        except OAuth2Error as error:
            return self._refused(request, error)
        except ValueError:  # Authlib quotes what it was given, and cannot quote everything
            return refused(HTTPStatus.BAD_REQUEST, "invalid_request")
        data = request.payload.data
        if data.get("prompt") == "none":
            return self._without_page(request, grant)
        if pages.DECISION not in data:
            return self._page(request)
        if data[pages.DECISION] != "allow":
            return self._decided(request, grant, None)
        try:
            claims = _claims(data.get(pages.CLAIMS, ""))
        except ValueError:
            return self._page(request, _NO_OBJECT)
        return self._decided(request, grant, (data.get(pages.SUB) or _SUBJECT, claims))

    def _without_page(self, request: Request, grant: Any) -> Answer:
        """Nobody has a session here, so that a hint takes its place."""
        hint = request.payload.data.get("login_hint")
        if hint:
            return self._decided(request, grant, (hint, {}))
        return self._refused(request, LoginRequiredError(redirect_uri=grant.redirect_uri))

    def _decided(self, request: Request, grant: Any, who: tuple[str, dict[str, Any]] | None) -> Answer:
        allowed = who and permission(request, *who, now=self._issuer.clock())
        answered: Answer = self._server.create_authorization_response(request, allowed, grant)
        return answered

    def _page(self, request: Request, problem: str = "") -> Answer:
        own = (pages.SUB, pages.CLAIMS, pages.DECISION)
        fields = [(name, value) for name, value in request.payload.pairs if name not in own]
        data = request.payload.data
        return pages.sign_in(data["client_id"], fields, _who(data, data.get("login_hint")), problem)

    def _refused(self, request: Request, error: OAuth2Error) -> Answer:
        error.state = request.payload.state
        answered: Answer = self._server.handle_error_response(request, error)
        return answered

    # -- connecting a device -------------------------------------------------------------------------------

    def _activate(self, asked: Asked) -> Answer:
        data = Request(asked).payload.data
        user_code, who = data.get(pages.USER_CODE, "").strip().upper(), _who(data)
        if pages.DECISION not in data:
            return pages.activate(user_code, who)
        ledger = self._server.ledger
        device_code = ledger.named(user_code)
        found = ledger.find(DEVICE, device_code) if device_code else None
        if device_code is None or found is None or found.approved is not None:
            return pages.activate(user_code, who, "No device waits with this code.")
        try:
            claims = _claims(data.get(pages.CLAIMS, ""))
        except ValueError:
            return pages.activate(user_code, who, _NO_OBJECT)
        approved, now = data[pages.DECISION] == "allow", int(self._issuer.clock())
        decided = replace(found, approved=approved, sub=who.sub, claims=claims, auth_time=now)
        ledger.keep(DEVICE, device_code, decided)
        return pages.said("Connected" if approved else "Refused", "You can go back to the device.")

    # -- what is said of people, and signing out -----------------------------------------------------------

    def _userinfo(self, asked: Asked) -> Answer:
        scheme, _, raw = asked.headers.get("authorization", "").partition(" ")
        bearer = raw.strip() if scheme.lower() == "bearer" else ""
        token = access(self._server, bearer or Request(asked).payload.data.get("access_token", ""))
        if token is None:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            return refused(HTTPStatus.UNAUTHORIZED, "invalid_token", challenge)
        told = {name: value for name, value in token.claims.items() if name not in PROTOCOL}
        return document_answer(told, "no-store")

    def _logout(self, asked: Asked) -> Answer:
        """RP-Initiated Logout: there is no session to end, but refresh tokens there are."""
        data = Request(asked).payload.data
        hint = signed(self._server, data.get("id_token_hint", "")) or {}
        client_id, sub = data.get("client_id") or hint.get("aud"), hint.get("sub")
        if isinstance(sub, str) and isinstance(hint.get("aud"), str):
            self._server.ledger.withdraw_all(hint["aud"], sub)
        client = self._issuer.clients.find(str(client_id or ""))
        back = data.get("post_logout_redirect_uri")
        if not back or client is None or not client.check_redirect_uri(back):
            return pages.said("Signed out", "You are signed out.")
        return Answer(HTTPStatus.FOUND, {"location": pages.back_to(back, data.get("state"))})


def _who(data: Mapping[str, str], hint: str | None = None) -> pages.Who:
    """Whom a page proposes: what was typed already, if anything was."""
    return pages.Who(data.get(pages.SUB) or hint or _SUBJECT, data.get(pages.CLAIMS, "{}"))


def _claims(text: str) -> dict[str, Any]:
    """What was typed as further claims. ValueError where it is not a JSON object."""
    return strictjson.read_object(text.encode("utf-8", "surrogatepass")) if text.strip() else {}

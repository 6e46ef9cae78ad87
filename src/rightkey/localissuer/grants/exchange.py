"""How one token brings another: token exchange (RFC 8693), and a token as a grant (RFC 7523, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from rightkey.localissuer.grants.endpoints import access, of_id_token, valid
from rightkey.localissuer.grants.kinds import ANY, SECRET, Ours
from rightkey.localissuer.grants.ledger import REFRESH, Permission
from rightkey.localissuer.grants.server import LIFE, PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rightkey.localissuer.grants.server import Server

    Claims = Mapping[str, Any]

_NAMES = ("access_token", "id_token", "jwt", "refresh_token")
_TYPE = "urn:ietf:params:oauth:token-type:"
ACCESS, ID, JWT, REFRESHING = (f"{_TYPE}{name}" for name in _NAMES)
_OF_SIGN_IN = PROTOCOL | {"sub", "nonce", "at_hash", "c_hash", "auth_time", "act", "may_act"}
"""Claims that belong to one token, and do not go over to the next."""


def _access(server: Server, raw: str) -> Claims | None:
    found = access(server, raw)
    return None if found is None else found.claims


def _id(server: Server, raw: str) -> Claims | None:
    claims = valid(server, raw)
    return claims if claims is not None and of_id_token(claims) else None


def _refresh(server: Server, raw: str) -> Claims | None:
    found = server.ledger.find(REFRESH, raw)
    return None if found is None else {"sub": found.sub, "scope": found.scope, **found.claims}


_READ: dict[str, Callable[[Server, str], Claims | None]] = {
    ACCESS: _access,
    ID: _id,
    JWT: lambda server, raw: _access(server, raw) or _id(server, raw),
    REFRESHING: _refresh,
}
"""How the claims of a token are read, by its type (RFC 8693, section 3)."""


class _ByToken(Ours, BaseGrant, TokenEndpointMixin):
    """A grant by a token of this issuer: the new one is about the same person."""

    TOKEN_ENDPOINT_AUTH_METHODS = SECRET

    def _permission(self, claims: Claims) -> Permission:
        data = self.request.form
        scope = data.get("scope")
        return Permission(
            client_id=self.request.client.client_id,
            scope=str(claims.get("scope", "")) if scope is None else scope,
            audience=self.request.audience,
            sub=str(claims.get("sub", "")),
            claims={name: value for name, value in claims.items() if name not in _OF_SIGN_IN},
            auth_time=int(self.server.issuer.clock()),
        )


class TokenExchange(_ByToken):
    """RFC 8693. With an actor's token the new one names both (section 4.1)."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
    TOKEN_ENDPOINT_AUTH_METHODS = ANY

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        self._subject = self._token("subject")
        self._actor = self._token("actor") if "actor_token" in self.request.form else None
        if self.request.form.get("requested_token_type", ACCESS) not in (ACCESS, ID, JWT):
            raise InvalidRequestError("requested_token_type must be an access token, an ID token or a JWT")
        if self._actor is not None:
            self._require_may_act(self._subject, self._actor)

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        allowed = self._permission(self._subject)
        if self._actor is not None:
            earlier = {"act": self._subject["act"]} if "act" in self._subject else {}
            allowed.claims["act"] = {"sub": self._actor.get("sub")} | earlier  # type: ignore[index]
        wanted = self.request.form.get("requested_token_type", ACCESS)
        # N_A: an ID token gives access to nothing (RFC 8693, section 2.2.1)
        is_id = wanted == ID
        make = self.server.id_token if is_id else self.server.access_token
        answer = {
            "access_token": make(self.GRANT_TYPE, allowed, allowed.scope),
            "issued_token_type": wanted,
            "token_type": "N_A" if is_id else "Bearer",
            "expires_in": LIFE,
        }
        return 200, answer | ({"scope": allowed.scope} if allowed.scope else {}), self.TOKEN_RESPONSE_HEADER

    def _token(self, role: str) -> Claims:
        """The claims of the subject's or the actor's token (RFC 8693, section 2.1)."""
        raw, kind = (self.request.form.get(f"{role}_token{end}") for end in ("", "_type"))
        if not raw or kind not in _READ:
            raise InvalidRequestError(f"{role}_token and a known {role}_token_type are needed")
        claims = _READ[kind](self.server, raw)
        if claims is None:
            raise InvalidRequestError(f"{role}_token is not a valid token of this issuer and type")
        return claims

    def _require_may_act(self, subject: Claims, actor: Claims) -> None:
        """A subject's token may name its actor (RFC 8693, section 4.4)."""
        named = subject.get("may_act")
        if isinstance(named, dict) and named.get("sub") != actor.get("sub"):
            raise InvalidRequestError("actor_token is not of the actor that subject_token names")


class OnBehalfOf(_ByToken):
    """RFC 7523, section 2.1, as Entra has it: a service shows the token it was called with, and gets one for
    the next service. The assertion is for the service and not for this issuer."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        raw = self.request.form.get("assertion")
        if not raw:
            raise InvalidRequestError("assertion is needed")
        claims = _READ[JWT](self.server, raw)
        if claims is None:
            raise InvalidGrantError("assertion is not a valid token of this issuer")
        self._claims = claims

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        allowed = self._permission(self._claims)
        self.request.user = allowed
        return 200, self.generate_token(allowed, allowed.scope), self.TOKEN_RESPONSE_HEADER


EXCHANGES = (TokenExchange, OnBehalfOf)

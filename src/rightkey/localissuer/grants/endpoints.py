"""The endpoints beside the grants: introspection, revocation, and device authorization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import orjson
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint

from rightkey.errors import RightkeyError
from rightkey.jose.jws import verify_jws
from rightkey.jose.keyset import KeySet
from rightkey.localissuer.clients import Client
from rightkey.localissuer.documents.wellknown import key_set
from rightkey.localissuer.grants.kinds import ANY, INTERVAL, SECRET
from rightkey.localissuer.grants.ledger import DEVICE, LIVES, REFRESH, Permission
from rightkey.localissuer.grants.request import OAuthRequest
from rightkey.localissuer.grants.server import Server
from rightkey.localissuer.tokens.minting import mint
from rightkey.localissuer.tokens.opaque import OPAQUE, digest

JWT = "application/token-introspection+jwt"


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token, with what Authlib asks of it. An invalid one is never found."""

    claims: Mapping[str, Any]
    family: str

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False

    def check_client(self, client: Client) -> bool:
        return bool(self.claims.get("client_id", client.client_id) == client.client_id)


def signed(server: Server, raw: str) -> dict[str, Any] | None:
    """The claims of a token that a published key signed, or None. Times are not checked."""
    issuer = server.issuer
    try:
        jws = verify_jws(raw, KeySet.parse(key_set(issuer.keys)), algorithms=[issuer.algorithm])
        claims = orjson.loads(jws.payload)
    except (RightkeyError, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def access(server: Server, raw: str) -> Token | None:
    """A valid access token of this issuer, or None."""
    claims = valid(server, raw)
    if claims is None or of_id_token(claims):
        return None
    family = f"jti {claims.get('jti')}"
    return None if server.ledger.withdrawn(family) else Token(claims, family)


def opaque(server: Server, raw: str) -> Token | None:
    """A valid opaque token, or None."""
    kept = digest(raw)
    claims, family = server.issuer.shelf.get(OPAQUE, kept), f"opaque {kept}"
    if claims is None or server.ledger.withdrawn(family) or not _in_time(claims, server.issuer.clock()):
        return None
    return Token(claims, family)


def valid(server: Server, raw: str) -> dict[str, Any] | None:
    """The claims of a token of this issuer that is valid at this time, or None."""
    claims = signed(server, raw)
    if claims is None or claims.get("iss") != server.issuer.url:
        return None
    return claims if _in_time(claims, server.issuer.clock()) else None


def _in_time(claims: Mapping[str, Any], now: float) -> bool:
    """Where a time is no number, the token is as good as one that has ended (RFC 7519, section 4.1.4)."""
    begins, ends = claims.get("nbf", -inf), claims.get("exp", inf)
    return isinstance(begins, int | float) and isinstance(ends, int | float) and begins <= now < ends


def of_id_token(claims: Mapping[str, Any]) -> bool:
    """Whether claims are those of an ID token (OpenID Connect Core 1.0, section 2). An access token may hold
    the same ones, but names its client (RFC 9068, section 2.2)."""
    return "client_id" not in claims and not claims.keys().isdisjoint(("nonce", "at_hash", "auth_time"))


class _Either:
    """Looks for both kinds of token, whatever the hint says (RFC 7009, section 2.1)."""

    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        found = self.server.ledger.find(REFRESH, token_string)
        if found:
            return self._refresh(found)
        return opaque(self.server, token_string) or access(self.server, token_string)

    def _refresh(self, found: Permission) -> Token:
        issuer = self.server.issuer
        claims = {"iss": issuer.url, "sub": found.sub, "client_id": found.client_id, "scope": found.scope}
        return Token(claims | {"exp": int(found.expires_at)}, found.family)


class Introspection(_Either, IntrospectionEndpoint):
    """RFC 7662, for any client with a secret; signed where that is asked for (RFC 9701)."""

    CLIENT_AUTH_METHODS = SECRET

    def create_endpoint_response(self, request: OAuthRequest) -> tuple[int, Any, Any]:
        status, answer, headers = super().create_endpoint_response(request)
        if request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip() != JWT:
            return status, answer, headers
        issuer = self.server.issuer
        claims = {"iss": issuer.url, "aud": request.client.client_id, "iat": int(issuer.clock())}
        signed = mint(
            issuer.current,
            claims | {"token_introspection": answer},
            header={"typ": "token-introspection+jwt"},
        )
        return status, signed, [("Content-Type", JWT)]

    def check_permission(self, token: Token, client: Client, request: OAuthRequest) -> bool:
        return True

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {"active": True, "token_type": "Bearer"} | dict(token.claims)


class Revocation(_Either, RevocationEndpoint):
    """RFC 7009. Revoking a refresh token revokes everything that came of its sign-in."""

    CLIENT_AUTH_METHODS = ANY

    def revoke_token(self, token: Token, request: OAuthRequest) -> None:
        self.server.ledger.withdraw(token.family)


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """RFC 8628, section 3.1."""

    CLIENT_AUTH_METHODS = ANY
    EXPIRES_IN = LIVES[DEVICE]
    INTERVAL = INTERVAL

    def get_verification_uri(self) -> str:
        return str(self.server.issuer.urls["activate"])

    def create_endpoint_response(self, request: OAuthRequest) -> tuple[int, dict[str, Any], Any]:
        status, data, headers = super().create_endpoint_response(request)
        waiting = Permission(
            client_id=request.client.client_id,
            scope=request.payload.scope or "",
            audience=request.audience,
            approved=None,
            user_code=data["user_code"],
        )
        self.server.ledger.grant(DEVICE, waiting, secret=data["device_code"])
        self.server.ledger.name(data["user_code"], data["device_code"])
        return status, data, headers

    def save_device_credential(self, client_id: str, scope: str | None, data: dict[str, Any]) -> None:
        """Saved by `create_endpoint_response`, which knows the audience."""


ENDPOINTS = (Introspection, Revocation, DeviceAuthorization)

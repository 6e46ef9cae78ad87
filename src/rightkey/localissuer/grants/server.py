"""The authorization server: Authlib's, on the local issuer's requests and answers.

Authlib decides what is granted (RFC 6749, 7636, 8628, 7662 and 7009). It leaves to its user how a request is
read, which clients there are, and what a token says.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oidc.core.util import create_half_hash

from rightkey.jose import strictjson
from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.grants.ledger import DEVICE, REFRESH, Ledger, Permission
from rightkey.localissuer.tokens.personal import Occasion, personal

if TYPE_CHECKING:
    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.issuer import Issuer

LIFE = 3600  # seconds an access token or ID token lives
PROTOCOL = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "scope", "client_id"})
"""Claims that say nothing about the person."""


class Payload(OAuth2Payload):
    """The parameters of a request."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)

    @cached_property
    def data(self) -> dict[str, str]:
        return dict(self.pairs)

    @cached_property
    def datalist(self) -> defaultdict[str, list[str]]:
        found = defaultdict(list)
        for name, value in self.pairs:
            found[name].append(value)
        return found


class OAuthRequest(OAuth2Request):
    """A request as Authlib reads it. Parameters come from the body of a POST, and from the query otherwise.

    A body may be JSON, as at Auth0.
    """

    def __init__(self, asked: Request) -> None:
        # Authlib wants https or loopback, under whatever name this machine was reached
        super().__init__(
            asked.method,
            f"http://127.0.0.1{asked.target}",
            headers={name.title(): value for name, value in asked.headers.items()},
        )
        posted = asked.method == "POST"
        self.payload = Payload(_body(asked) if posted else _decoded(asked.target.partition("?")[2]))

    @property
    def audience(self) -> str | None:
        """The audience asked for: by Auth0's parameter, or by RFC 8707's."""
        data: dict[str, str] = self.payload.data
        return data.get("audience") or data.get("resource")

    @property
    def form(self) -> dict[str, str]:
        found: dict[str, str] = self.payload.data
        return found


def _body(asked: Request) -> list[tuple[str, str]]:
    if "json" not in asked.headers.get("content-type", ""):
        return _decoded(asked.body.decode("utf-8", "replace"))
    try:
        members = strictjson.read_object(asked.body)
    except ValueError:
        return []
    return [(name, value) for name, value in members.items() if isinstance(value, str)]


def _decoded(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="replace")


class Server(AuthorizationServer):
    """Authlib's server for one issuer."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self.issuer = issuer
        self.ledger = Ledger(issuer.shelf, issuer.clock)

    def query_client(self, client_id: str) -> Client | None:
        return self.issuer.clients.find(client_id)

    def create_oauth2_request(self, request: Request | OAuthRequest) -> OAuthRequest:
        return OAuthRequest(request) if isinstance(request, Request) else request

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Answer:
        octets = orjson.dumps(body) if isinstance(body, dict) else str(body).encode()
        return Answer(status, {name.lower(): value for name, value in headers}, octets)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """No signals here."""

    def save_token(self, token: dict[str, Any], request: OAuthRequest) -> None:
        """Tokens are self-contained; but a device code must not bring a second one."""
        if request.credential is not None:
            self.ledger.spend(DEVICE, request.payload.data["device_code"])

    def tokens(
        self, request: OAuthRequest, grant_type: str, allowed: Permission | None, scope: str, *, refresh: bool
    ) -> dict[str, Any]:
        """The token response (RFC 6749, section 5.1). `allowed` is None without a person."""
        granted = allowed or Permission(request.client.client_id, scope, request.audience)
        access = self._access_token(grant_type, granted, scope)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": LIFE}
        if scope:
            answer["scope"] = scope
        scopes = scope.split()
        if allowed is not None and "openid" in scopes:
            answer["id_token"] = self._id_token(grant_type, allowed, scope, access)
        lasting = self.issuer.dress.always_refresh or "offline_access" in granted.scope.split()
        if allowed is not None and refresh and lasting:
            answer["refresh_token"] = self.ledger.grant(REFRESH, allowed)
        return answer

    def _access_token(self, grant_type: str, granted: Permission, scope: str) -> str:
        audience = granted.audience or self.issuer.audience
        sub = granted.sub or granted.client_id
        own = {
            "aud": audience,
            "sub": sub,
            "client_id": granted.client_id,
            "jti": secrets.token_urlsafe(16),
            "scope": scope or None,
        }
        occasion = Occasion("access", grant_type, granted.client_id, sub, scope, audience)
        return self.issuer.mint(own | dict(granted.claims) | personal(self.issuer.claims, occasion))

    def _id_token(self, grant_type: str, allowed: Permission, scope: str, access: str) -> str:
        own = {
            "aud": allowed.client_id,
            "sub": allowed.sub,
            "nonce": allowed.nonce,
            "auth_time": allowed.auth_time,
        }
        half = create_half_hash(access, self.issuer.algorithm)
        own["at_hash"] = None if half is None else half.decode("ascii")
        occasion = Occasion("id", grant_type, allowed.client_id, allowed.sub, scope, allowed.client_id)
        return self.issuer.mint(own | dict(allowed.claims) | personal(self.issuer.claims, occasion))


def permission(request: OAuthRequest, sub: str, claims: dict[str, Any], now: float) -> Permission:
    """What a person allows by signing in for this authorization request."""
    data = request.payload.data
    return Permission(
        client_id=request.client.client_id,
        scope=request.scope or "",
        audience=request.audience,
        sub=sub,
        claims=claims,
        redirect_uri=data.get("redirect_uri"),
        nonce=data.get("nonce"),
        code_challenge=data.get("code_challenge"),
        code_challenge_method=data.get("code_challenge_method"),
        auth_time=int(now),
    )

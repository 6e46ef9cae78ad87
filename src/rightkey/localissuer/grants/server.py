"""The authorization server: Authlib's, on the local issuer's requests and answers.

Authlib decides what is granted (RFC 6749, 7636, 8628, 7662 and 7009). It leaves to its user which clients
there are, and what a token says.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error
from authlib.oidc.core.util import create_half_hash

from rightkey.errors import TokenRejected
from rightkey.localissuer.answers import Answer, Request
from rightkey.localissuer.grants.assertions import METHOD, ClientAssertion
from rightkey.localissuer.grants.ledger import DEVICE, LIVES, REFRESH, Ledger, Permission
from rightkey.localissuer.grants.modes import sent_back
from rightkey.localissuer.grants.request import OAuthRequest
from rightkey.localissuer.tokens.minting import compact
from rightkey.localissuer.tokens.personal import Occasion, personal
from rightkey.policy.presented import Presented
from rightkey.proof.dpop import Proofs
from rightkey.proof.settings import DPoP

if TYPE_CHECKING:
    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.issuer import Issuer

LIFE = 3600  # seconds an access token or ID token lives
PROTOCOL = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "scope", "client_id"})
"""Claims that say nothing about the person."""


class InvalidProof(OAuth2Error):
    """RFC 9449, section 5."""

    error = "invalid_dpop_proof"


class Server(AuthorizationServer):
    """Authlib's server for one issuer."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self.issuer = issuer
        self.ledger = Ledger(issuer.shelf, issuer.clock)
        self.register_client_auth_method(METHOD, ClientAssertion(issuer))
        self._proofs = Proofs((), DPoP())

    def query_client(self, client_id: str) -> Client | None:
        return self.issuer.clients.find(client_id)

    def create_oauth2_request(self, request: Request | OAuthRequest) -> OAuthRequest:
        return OAuthRequest(request) if isinstance(request, Request) else request

    def handle_response(self, *response: Any) -> Answer:
        if isinstance(response[0], Answer):
            return response[0]
        status, body, headers = response
        octets = orjson.dumps(body) if isinstance(body, dict) else str(body).encode()
        return Answer(status, {name.lower(): value for name, value in headers}, octets)

    def handle_error_response(self, request: OAuthRequest, error: OAuth2Error) -> Answer:
        if error.redirect_uri:
            return sent_back(request, error.redirect_uri, error.get_body())
        answered: Answer = super().handle_error_response(request, error)
        return answered

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
        cnf = self._confirmation(request)
        access = self.access_token(grant_type, granted, scope, cnf)
        kind = "Bearer" if cnf is None else "DPoP"
        answer = {"access_token": access, "token_type": kind, "expires_in": LIFE}
        if scope:
            answer["scope"] = scope
        scopes = scope.split()
        if allowed is not None and "openid" in scopes:
            answer["id_token"] = self.id_token(grant_type, allowed, scope, access)
        lasting = self.issuer.dress.always_refresh or "offline_access" in granted.scope.split()
        if allowed is not None and refresh and lasting:
            secret = self._jwt_refresh(allowed) if self.issuer.dress.jwt_refresh else None
            answer["refresh_token"] = self.ledger.grant(REFRESH, allowed, secret)
        return answer

    def _confirmation(self, request: OAuthRequest) -> dict[str, str] | None:
        """The key of the request's DPoP proof, to which its token is bound (RFC 9449, section 5)."""
        proof = request.headers.get("Dpop")
        if proof is None:
            return None
        presented = Presented("DPoP", request.method, self.issuer.urls["token"], (proof,))
        try:
            return {"jkt": self._proofs.sender(presented, self.issuer.clock())}
        except TokenRejected as error:
            raise InvalidProof(str(error)) from None

    def access_token(
        self, grant_type: str, granted: Permission, scope: str, cnf: dict[str, str] | None = None
    ) -> str:
        """An access token with the permission's audience, subject and claims."""
        audience = granted.audience or self.issuer.audience
        sub = granted.sub or granted.client_id
        own = {
            "aud": audience,
            "sub": sub,
            "client_id": granted.client_id,
            "jti": secrets.token_urlsafe(16),
            "scope": scope or None,
            "cnf": cnf,
        }
        occasion = Occasion("access", grant_type, granted.client_id, sub, scope, audience)
        return self.issuer.mint(own | dict(granted.claims) | personal(self.issuer.claims, occasion))

    def _jwt_refresh(self, allowed: Permission) -> str:
        """A refresh token with Keycloak's claims. Its signature is random, as only the ledger reads it back:
        with one by the issuer's key it would pass for an access token."""
        now, url = int(self.issuer.clock()), self.issuer.url
        own = {"iss": url, "aud": url, "sub": allowed.sub, "typ": "Refresh", "azp": allowed.client_id}
        times = {"iat": now, "exp": now + LIVES[REFRESH], "jti": secrets.token_urlsafe(16)}
        header = {"alg": "HS512", "typ": "JWT"}
        return compact(header, orjson.dumps(own | times), lambda _: secrets.token_bytes(64))

    def id_token(
        self,
        grant_type: str,
        allowed: Permission,
        scope: str,
        access: str | None = None,
        code: str | None = None,
    ) -> str:
        """An ID token, with the hashes of what comes beside it (OpenID Connect Core, section 3.3.2.11)."""
        own = {
            "aud": allowed.client_id,
            "sub": allowed.sub,
            "nonce": allowed.nonce,
            "auth_time": allowed.auth_time,
            "at_hash": self._half_hash(access),
            "c_hash": self._half_hash(code),
        }
        occasion = Occasion("id", grant_type, allowed.client_id, allowed.sub, scope, allowed.client_id)
        claims = own | dict(allowed.claims) | personal(self.issuer.claims, occasion)
        return self.issuer.mint(claims, header={"typ": "JWT"})  # at+jwt is for access tokens alone

    def _half_hash(self, text: str | None) -> str | None:
        half = None if text is None else create_half_hash(text, self.issuer.algorithm)
        return None if half is None else half.decode("ascii")


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

"""The grants: Authlib's, on the ledger of permissions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import AccessDeniedError, grants
from authlib.oauth2.rfc6749.hooks import hooked
from authlib.oauth2.rfc8628 import DeviceCodeGrant
from authlib.oidc.core.grants import OpenIDHybridGrant

from rightkey.localissuer.clients import Client
from rightkey.localissuer.grants.assertions import METHOD
from rightkey.localissuer.grants.ledger import CODE, DEVICE, REFRESH, Permission
from rightkey.localissuer.grants.modes import TOKENS, require_mode, sent_back
from rightkey.localissuer.grants.request import OAuthRequest
from rightkey.localissuer.grants.server import LIFE, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.answers import Answer

SECRET = [METHOD, "client_secret_basic", "client_secret_post"]
ANY = [*SECRET, "none"]
INTERVAL = 5  # seconds between two questions of a device (RFC 8628, section 3.2)


class Ours:
    """What all grants share: the server makes the tokens."""

    GRANT_TYPE: str
    request: OAuthRequest
    server: Server

    def generate_token(
        self,
        user: Permission | None = None,
        scope: str | None = None,
        grant_type: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        return self.server.tokens(
            self.request, self.GRANT_TYPE, user, scope or "", refresh=include_refresh_token
        )


class ClientCredentials(Ours, grants.ClientCredentialsGrant):
    """RFC 6749, section 4.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = SECRET


class _SigningIn(Ours):
    """What a sign-in at the authorization endpoint brings, and how it gets to the client."""

    # Authlib's, by the response type
    generate_authorization_code: Callable[[], str]
    validate_authorization_request: Callable[[], str]

    @hooked  # type: ignore[untyped-decorator]
    def validate_consent_request(self) -> str:
        redirect_uri = self.validate_authorization_request()
        require_mode(self.request, redirect_uri)
        self.redirect_uri = redirect_uri
        return redirect_uri

    def create_authorization_response(
        self, redirect_uri: str, grant_user: Permission | None
    ) -> tuple[Answer]:
        if grant_user is None:
            raise AccessDeniedError(redirect_uri=redirect_uri)
        self.request.user = grant_user
        params, state = self._brought(grant_user), self.request.payload.state
        if state:
            params["state"] = state
        return (sent_back(self.request, redirect_uri, params.items()),)

    def _brought(self, allowed: Permission) -> dict[str, Any]:
        types = self.request.payload.response_type.split()
        brought: dict[str, Any] = {}
        if "code" in types:
            brought["code"] = code = self.generate_authorization_code()
            self.save_authorization_code(code, self.request)
        if "token" in types:
            access = self.server.access_token(self.GRANT_TYPE, allowed, allowed.scope)
            brought |= {"access_token": access, "token_type": "Bearer", "expires_in": LIFE}
        if "id_token" in types:
            brought["id_token"] = self.server.id_token(
                self.GRANT_TYPE, allowed, allowed.scope, brought.get("access_token"), brought.get("code")
            )
        return brought

    def save_authorization_code(self, code: str, request: OAuthRequest) -> None:
        self.server.ledger.grant(CODE, request.user, secret=code)


class AuthorizationCode(_SigningIn, grants.AuthorizationCodeGrant):
    """RFC 6749, section 4.1. A code is for one use."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY

    def query_authorization_code(self, code: str, client: Client) -> Permission | None:
        found = self.server.ledger.find(CODE, code)
        return found if found and found.check_client(client) else None

    def delete_authorization_code(self, authorization_code: Permission) -> None:
        self.server.ledger.spend(CODE, self.request.form["code"])

    def authenticate_user(self, authorization_code: Permission) -> Permission:
        return authorization_code


class Hybrid(_SigningIn, OpenIDHybridGrant):
    """OpenID Connect Core 1.0, sections 3.2 and 3.3: tokens from the authorization endpoint, with or without
    a code. A response type is a set of words, in any order."""

    RESPONSE_TYPES = TOKENS
    GRANT_TYPE = "implicit"

    def exists_nonce(self, nonce: str, request: OAuthRequest) -> bool:
        return False


class RefreshToken(Ours, grants.RefreshTokenGrant):
    """RFC 6749, section 6: each use brings a new one, and a second use withdraws the family."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Permission | None:
        return self.server.ledger.find(REFRESH, refresh_token)

    def authenticate_user(self, refresh_token: Permission) -> Permission:
        return refresh_token

    def revoke_old_credential(self, refresh_token: Permission) -> None:
        self.server.ledger.spend(REFRESH, self.request.form["refresh_token"])


class DeviceCode(Ours, DeviceCodeGrant):
    """RFC 8628, section 3.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY

    def query_device_credential(self, device_code: str) -> Waiting | None:
        found = self.server.ledger.find(DEVICE, device_code)
        return Waiting(found) if found else None

    def query_user_grant(self, user_code: str) -> tuple[Permission, bool] | None:
        found = self._asked_for()
        return None if found is None or found.approved is None else (found, found.approved)

    def should_slow_down(self, credential: Waiting) -> bool:
        now = self.server.issuer.clock()
        found = credential.permission
        self.server.ledger.keep(DEVICE, self.request.form["device_code"], replace(found, polled_at=now))
        return now - found.polled_at < INTERVAL

    def _asked_for(self) -> Permission | None:
        return self.server.ledger.find(DEVICE, self.request.form["device_code"])


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device's permission, with what Authlib asks of it. An expired one is never found."""

    permission: Permission

    def get_client_id(self) -> str:
        return self.permission.client_id

    def get_scope(self) -> str:
        return self.permission.scope

    def get_user_code(self) -> str:
        return self.permission.user_code

    def is_expired(self) -> bool:
        return False


KINDS = (ClientCredentials, AuthorizationCode, Hybrid, RefreshToken, DeviceCode)

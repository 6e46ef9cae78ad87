"""Whose issuer the local one looks like: its paths, its metadata, and how its keys are shown.

Each row has what that vendor's documents have, except for what a local issuer does not do: metadata name
only what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rightkey.localissuer.keys.signing import Form

AUTH0S = Form()
"""A certificate beside each key, and its thumbprint as the key's id."""


@dataclass(frozen=True, slots=True)
class Dress:
    """The look of one vendor's issuers.

    Args:
        paths: the path of each endpoint, below the issuer's base. Endpoints without one are not served.
        members: what metadata states besides the issuer, its endpoints and algorithms.
        path: the path of an issuer without a name.
        named: the path of an issuer with a name, with `{name}` in it.
        suffix: the end of the issuer's path that its endpoints do not share, such as Entra's `/v2.0`.
        slash: the issuer identifier ends in a slash.
        form: how keys are shown.
        cache_control: what documents are served with.
        key_issuer: each key names the issuer it belongs to, as Entra's do.
        encryption: the key set holds a key for encryption too, which must not verify signatures.
        jwt_refresh: a refresh token has the form of a JWT, which keycloak-js takes apart.
        always_refresh: each sign-in brings a refresh token, not only one for `offline_access`.
    """

    paths: Mapping[str, str]
    members: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    named: str = "/{name}"
    suffix: str = ""
    slash: bool = False
    form: Form = AUTH0S
    cache_control: str | None = None
    key_issuer: bool = False
    encryption: bool = False
    jwt_refresh: bool = False
    always_refresh: bool = False


_SIGNED_IN = {
    "response_types_supported": [
        "code",
        "id_token",
        "id_token token",
        "code id_token",
        "code id_token token",
    ],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "subject_types_supported": ["public"],
    "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
    ],
    "scopes_supported": ["openid", "profile", "email", "offline_access"],
    "claims_supported": ["aud", "auth_time", "exp", "iat", "iss", "name", "sub"],
}
_PKCE = {"code_challenge_methods_supported": ["S256", "plain"]}
_NO_REQUEST_URI = {"request_uri_parameter_supported": False}
_GRANTS = {
    "grant_types_supported": [
        "authorization_code",
        "client_credentials",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ]
}
_TENANT = "00000000-0000-4000-8000-000000000000"

DRESSES: dict[str, Dress] = {
    "auth0": Dress(
        {
            "authorize": "authorize",
            "token": "oauth/token",
            "device": "oauth/device/code",
            "userinfo": "userinfo",
            "jwks": ".well-known/jwks.json",
            "revoke": "oauth/revoke",
            "logout": "oidc/logout",
            "activate": "activate",
        },
        _SIGNED_IN | _PKCE | _NO_REQUEST_URI | {"request_parameter_supported": False},
        slash=True,
        cache_control="public, max-age=15, stale-while-revalidate=15, stale-if-error=86400",
    ),
    "okta": Dress(
        {
            "authorize": "v1/authorize",
            "token": "v1/token",
            "userinfo": "v1/userinfo",
            "jwks": "v1/keys",
            "introspect": "v1/introspect",
            "revoke": "v1/revoke",
            "logout": "v1/logout",
            "device": "v1/device/authorize",
            "activate": "activate",
        },
        _SIGNED_IN | _PKCE | _GRANTS | {"request_parameter_supported": False},
        path="/oauth2/default",
        named="/{name}/oauth2/default",
        form=Form(certificates=False, kid="digest"),
        cache_control="max-age=3600, must-revalidate",
    ),
    "entra": Dress(
        {
            "authorize": "oauth2/v2.0/authorize",
            "token": "oauth2/v2.0/token",
            "device": "oauth2/v2.0/devicecode",
            "userinfo": "oidc/userinfo",
            "jwks": "discovery/v2.0/keys",
            "logout": "oauth2/v2.0/logout",
            "activate": "oauth2/deviceauth",
        },
        _SIGNED_IN | _NO_REQUEST_URI,
        path=f"/{_TENANT}/v2.0",
        named="/{name}/v2.0",
        suffix="/v2.0",
        form=Form(x5t="rfc", alg=False),
        cache_control="max-age=86400, private",
        key_issuer=True,
    ),
    "keycloak": Dress(
        {
            "authorize": "protocol/openid-connect/auth",
            "token": "protocol/openid-connect/token",
            "introspect": "protocol/openid-connect/token/introspect",
            "userinfo": "protocol/openid-connect/userinfo",
            "logout": "protocol/openid-connect/logout",
            "jwks": "protocol/openid-connect/certs",
            "revoke": "protocol/openid-connect/revoke",
            "device": "protocol/openid-connect/auth/device",
            "activate": "device",
            "session": "protocol/openid-connect/login-status-iframe.html",
            "cookies": "protocol/openid-connect/3p-cookies/step1.html",
        },
        _SIGNED_IN | _PKCE | _GRANTS | _NO_REQUEST_URI | {"request_parameter_supported": False},
        path="/realms/local",
        named="/{name}/realms/local",
        form=Form(x5t="rfc", x5t_s256=True, kid="digest"),
        cache_control="no-cache",
        encryption=True,
        jwt_refresh=True,
        always_refresh=True,
    ),
    "cognito": Dress(
        {
            "authorize": "oauth2/authorize",
            "token": "oauth2/token",
            "userinfo": "oauth2/userInfo",
            "jwks": ".well-known/jwks.json",
            "revoke": "oauth2/revoke",
            "logout": "logout",
        },
        _SIGNED_IN | {"scopes_supported": ["openid", "email", "phone", "profile"]},
        path="/local-1_Local0000",
        form=Form(certificates=False, kid="digest-base64"),
        cache_control="public, max-age=86400",
        always_refresh=True,
    ),
    "plain": Dress(
        {
            "authorize": "authorize",
            "token": "token",
            "userinfo": "userinfo",
            "jwks": "jwks.json",
            "introspect": "introspect",
            "revoke": "revoke",
            "logout": "logout",
            "device": "device",
            "activate": "activate",
        },
        _SIGNED_IN | _PKCE | _GRANTS,
        form=Form(certificates=False),
        always_refresh=True,
    ),
}
"""Every dress by name."""


def dress(name: str) -> Dress:
    """A dress by name. ValueError for an unknown one."""
    if name not in DRESSES:
        raise ValueError(f"expected one of {', '.join(DRESSES)}, got {name!r}")
    return DRESSES[name]

"""Where an issuer's documents lie, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rightkey.localissuer.scene import ATTACKER_CERTIFICATE, ATTACKER_JWKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rightkey.localissuer.answers import Document
    from rightkey.localissuer.signing import SigningKey

OPENID, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
JWKS, MOVED_JWKS = ".well-known/jwks.json", "oauth/moved-keys.json"

ENDPOINTS = ("discovery", "jwks", "moved")
"""What can misbehave. `moved` serves the keys where the fault `moved-jwks-uri` says they are."""


@dataclass(frozen=True, slots=True)
class Address:
    """An issuer identifier in its parts: origin, path without its last slash, and whether it ends in one."""

    origin: str
    path: str = ""
    slash: bool = True

    @classmethod
    def of(cls, url: str) -> Address:
        parts = urlsplit(url)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), url.endswith("/"))

    @property
    def issuer(self) -> str:
        """The identifier, letter by letter as tokens and metadata state it."""
        return f"{self.origin}{self.path}{'/' if self.slash else ''}"

    @property
    def base(self) -> str:
        """What the issuer's own URLs begin with."""
        return f"{self.origin}{self.path}/"

    def routes(self, rfc8414: bool) -> dict[str, str]:
        """Which path leads to which endpoint.

        OpenID Connect Discovery appends its well-known path to the issuer's; RFC 8414 (section 3.1)
        inserts it before.
        """
        below = f"{self.path}/"
        return {
            f"{OAUTH}{self.path}" if rfc8414 else f"{self.path}{OPENID}": "discovery",
            f"{below}{JWKS}": "jwks",
            f"{below}{MOVED_JWKS}": "moved",
            f"{below}{ATTACKER_JWKS}": "attacker-jwks",
            f"{below}{ATTACKER_CERTIFICATE}": "attacker-certificate",
        }


def key_set(keys: Iterable[SigningKey]) -> Document:
    """The JWK Set (RFC 7517, section 5)."""
    return {"keys": [key.public_jwk() for key in keys]}


def metadata(address: Address, algorithms: Iterable[str]) -> Document:
    """The metadata, with the members and paths that Auth0's has."""
    at = address.base
    return {
        "issuer": address.issuer,
        "authorization_endpoint": f"{at}authorize",
        "token_endpoint": f"{at}oauth/token",
        "userinfo_endpoint": f"{at}userinfo",
        "jwks_uri": f"{at}{JWKS}",
        "revocation_endpoint": f"{at}oauth/revoke",
        "scopes_supported": ["openid", "profile", "offline_access", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["aud", "exp", "iat", "iss", "scope", "sub"],
        "request_uri_parameter_supported": False,
        "request_parameter_supported": False,
    }

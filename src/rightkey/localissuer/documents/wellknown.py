"""Where an issuer's documents and endpoints are, and what its metadata say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rightkey.jose.algorithms import SAFE
from rightkey.localissuer.documents.dresses import DRESSES, Dress
from rightkey.localissuer.tokens.means import ATTACKER_CERTIFICATE, ATTACKER_JWKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rightkey.localissuer.answers import Document
    from rightkey.localissuer.keys.signing import SigningKey

OPENID, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
MOVED_JWKS = "oauth/moved-keys.json"

MEMBERS = {
    "authorize": "authorization_endpoint",
    "token": "token_endpoint",
    "userinfo": "userinfo_endpoint",
    "jwks": "jwks_uri",
    "introspect": "introspection_endpoint",
    "revoke": "revocation_endpoint",
    "device": "device_authorization_endpoint",
    "logout": "end_session_endpoint",
    "session": "check_session_iframe",
}
"""What metadata calls an endpoint (RFC 8414, section 2; RFC 8628, section 4; OpenID RP-Initiated Logout)."""

ENDPOINTS = ("discovery", "moved", "activate", "cookies", *MEMBERS)
"""The endpoints that can misbehave. `moved` serves the keys where the fault `moved-jwks-uri` says they are;
on the page `activate` people enter the code that a device shows."""
FRAMED = frozenset({"cookies", "session"})
"""Pages that keycloak-js shows in hidden frames."""
GRANTED = frozenset(ENDPOINTS) - {"discovery", "jwks", "moved"} - FRAMED
"""The endpoints of OAuth's grants, and of what follows them."""

_AUTH0 = DRESSES["auth0"]


@dataclass(frozen=True, slots=True)
class Address:
    """An issuer identifier in its parts: origin, path without its last slash, and whether it ends in one.

    `suffix` is the end of the path that the issuer's endpoints do not share.
    """

    origin: str
    path: str = ""
    slash: bool = True
    suffix: str = ""

    @classmethod
    def of(cls, url: str, suffix: str = "") -> Address:
        parts = urlsplit(url)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), url.endswith("/"), suffix)

    @property
    def issuer(self) -> str:
        """The identifier, exactly as tokens and metadata state it."""
        return f"{self.origin}{self.path}{'/' if self.slash else ''}"

    @property
    def base(self) -> str:
        """The URL that the issuer's other URLs begin with."""
        return f"{self.origin}{self._below}"

    @property
    def _below(self) -> str:
        return f"{self.path.removesuffix(self.suffix)}/"

    def routes(self, rfc8414: bool, dress: Dress = _AUTH0) -> dict[str, str]:
        """Which path leads to which endpoint.

        OpenID Connect Discovery appends its well-known path to the issuer's; RFC 8414 (section 3.1)
        inserts it before.
        """
        below = self._below
        return {
            f"{OAUTH}{self.path}" if rfc8414 else f"{self.path}{OPENID}": "discovery",
            **{f"{below}{path}": endpoint for endpoint, path in dress.paths.items()},
            f"{below}{MOVED_JWKS}": "moved",
            f"{below}{ATTACKER_JWKS}": "attacker-jwks",
            f"{below}{ATTACKER_CERTIFICATE}": "attacker-certificate",
        }


def key_set(keys: Iterable[SigningKey], members: Document | None = None) -> Document:
    """The JWK Set (RFC 7517, section 5), with these members in each key besides its own."""
    return {"keys": [key.public_jwk() | (members or {}) for key in keys]}


def metadata(address: Address, algorithms: Iterable[str], dress: Dress = _AUTH0) -> Document:
    """The metadata, with the members and paths of this vendor."""
    at = address.base
    endpoints = {
        MEMBERS[endpoint]: f"{at}{path}" for endpoint, path in dress.paths.items() if endpoint in MEMBERS
    }
    return {
        "issuer": address.issuer,
        **endpoints,
        **dress.members,
        "id_token_signing_alg_values_supported": list(algorithms),
        **({"dpop_signing_alg_values_supported": [*SAFE]} if "token" in dress.paths else {}),
    }

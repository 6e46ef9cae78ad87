"""Where an API's documentation logs in: OAuth's authorization code with PKCE, by the issuer's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rightkey.errors import IssuerMisbehaved
from rightkey.exchange import Transport
from rightkey.issuer.name import url_fault


@dataclass(frozen=True, slots=True)
class Login:
    """How Swagger's *Authorize* gets a token.

    Args:
        client_id: of a public client at the issuer: one without a secret, whose redirect URI is the
            documentation's (FastAPI: `/docs/oauth2-redirect`).
        issuer: a domain or URL.
        scopes: those to choose from, each with a description.
        parameters: for the authorization and token endpoints, such as Auth0's `audience`.
        transport: what fetches the metadata.
    """

    client_id: str
    issuer: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    transport: Transport | None = None

    @property
    def swagger(self) -> dict[str, Any]:
        """What Swagger UI's `initOAuth` takes. PKCE, so that a stolen code is worthless (RFC 9700, 2.1.1)."""
        return {
            "clientId": self.client_id,
            "usePkceWithAuthorizationCodeGrant": True,
            "scopes": " ".join(self.scopes),
            "additionalQueryStringParams": dict(self.parameters),
        }

    async def flow(self) -> dict[str, Any]:
        """OpenAPI's OAuth Flow Object (section 4.8.29) for the authorization code.

        Raises:
            IssuerUnavailable, IssuerMisbehaved: as `rightkey.locate_async`; also `metadata_invalid`:
                there is no endpoint to log in at.
        """
        from rightkey.verifier.locate import locate_async

        located = await locate_async(self.issuer, transport=self.transport)
        document = located.metadata.document if located.metadata is not None else {}
        return {
            "authorizationUrl": _endpoint(document, "authorization_endpoint"),
            "tokenUrl": _endpoint(document, "token_endpoint"),
            "scopes": dict(self.scopes),
        }


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    """A URL that a browser is sent to: only https, or loopback."""
    url = document.get(name)
    if not isinstance(url, str) or url_fault(url) is not None:
        raise IssuerMisbehaved("metadata_invalid", f"the issuer's metadata has no {name} to log in at")
    return url

"""Servers of the Model Context Protocol, by the official SDK: its TokenVerifier, and answers for an outage.

    verifier = RightKeyVerifier("tenant.eu.auth0.com", audience="https://mcp.example.com/mcp")
    server = MCPServer("appointments", token_verifier=verifier, auth=AuthSettings(...))
    app = with_outages(server.streamable_http_app())

The SDK itself answers with challenges, serves the metadata of the resource (RFC 9728), and asks for scopes.
"""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from mcp.server.auth.provider import AccessToken
from starlette.applications import Starlette

from rightkey.errors import TokenRejected
from rightkey.integrations.asgi import Outages, Verifying, verifier_of
from rightkey.verdict.verified import Verified

LOG = logging.getLogger("rightkey")
_App = TypeVar("_App", bound=Starlette)
_CLIENTS = ("client_id", "azp", "cid", "appid")
"""Where issuers name the client: RFC 9068 (section 2.2), OpenID Connect, Okta, Entra's first version."""


class RightKeyVerifier:
    """A TokenVerifier of the SDK's.

    Args:
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: an AsyncVerifier, or several issuers' (`AsyncVerifier.of`), instead.
        resource: this server's identifier, to be told as what a token is for where its `aud` names several.
        settings: as AsyncVerifier takes them: `audience`, `require` and others.

    Raises:
        Misconfigured: a setting is wrong.
    """

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        resource: str | None = None,
        **settings: Any,
    ) -> None:
        self._verifier, self._resource = verifier_of(issuer, verifier, settings), resource

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token grants; None where it is refused, with the reason in the log.

        Raises:
            IssuerUnavailable: nobody can tell; `with_outages` answers that with 503.
        """
        verified = await accepted(self._verifier, token)
        return None if verified is None else AccessToken(**granted(token, verified, self._resource))


def with_outages(app: _App) -> _App:
    """The server's application, which answers with 503 and `Retry-After` while the issuer is out of reach."""
    app.add_middleware(Outages)
    return app


async def accepted(verifier: Verifying, token: str) -> Verified | None:
    """The token, or None where it is refused: frameworks of MCP have no place for the reason."""
    try:
        return await verifier.verify(token)
    except TokenRejected as error:
        LOG.info("a token was refused: %s: %s", error.code, error)
        return None


def granted(token: str, verified: Verified, resource: str | None) -> dict[str, Any]:
    """What an AccessToken of the SDK's holds."""
    claims = verified.claims
    expires = claims.get("exp")
    return {
        "token": token,
        "client_id": next((claims[name] for name in _CLIENTS if isinstance(claims.get(name), str)), ""),
        "scopes": sorted(verified.scopes),
        "expires_at": None if expires is None else int(expires),
        "resource": _resource(claims.get("aud"), resource),
        "subject": verified.subject,
        "claims": claims,
    }


def _resource(audience: Any, resource: str | None) -> str | None:
    """RFC 8707: of several audiences the one that this server is."""
    several = [audience] if isinstance(audience, str) else audience or [None]
    found: str | None = resource if resource in several else several[0]
    return found

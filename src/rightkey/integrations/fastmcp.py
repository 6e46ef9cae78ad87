"""FastMCP: its TokenVerifier, alone or in its RemoteAuthProvider, and answers for an outage.

    verifier = RightKeyVerifier("tenant.eu.auth0.com", audience="https://mcp.example.com/mcp")
    auth = RemoteAuthProvider(verifier, ["https://tenant.eu.auth0.com/"], base_url="https://mcp.example.com")
    app = with_outages(FastMCP("appointments", auth=auth).http_app())

FastMCP itself answers with challenges, serves the metadata of the resource (RFC 9728), and asks for scopes.
"""

from __future__ import annotations

from typing import Any

from fastmcp.server.auth.auth import AccessToken, TokenVerifier

from rightkey.integrations.asgi import Verifying, verifier_of
from rightkey.integrations.mcp import accepted, granted, with_outages

__all__ = ["RightKeyVerifier", "with_outages"]


class RightKeyVerifier(TokenVerifier):
    """A TokenVerifier of FastMCP's.

    Args:
        issuer: a domain or URL; without it and `verifier`, environment variables say.
        verifier: an AsyncVerifier, or several issuers' (`AsyncVerifier.of`), instead.
        resource: this server's identifier, to be told as what a token is for where its `aud` names several.
        base_url, required_scopes: as FastMCP's TokenVerifier takes them.
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
        base_url: str | None = None,
        required_scopes: list[str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(base_url=base_url, required_scopes=required_scopes)
        self._verifier, self._resource = verifier_of(issuer, verifier, settings), resource

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token grants; None where it is refused, with the reason in the log.

        Raises:
            IssuerUnavailable: nobody can tell; `with_outages` answers that with 503.
        """
        verified = await accepted(self._verifier, token)
        return None if verified is None else AccessToken(**granted(token, verified, self._resource))

"""FastMCP: its TokenVerifier, alone or in its RemoteAuthProvider, and answers for an outage.

    verifier = RightKeyVerifier("tenant.eu.auth0.com", audience="https://mcp.example.com/mcp")
    auth = RemoteAuthProvider(verifier, ["https://tenant.eu.auth0.com/"], base_url="https://mcp.example.com")
    app = with_outages(FastMCP("appointments", auth=auth).http_app())

FastMCP itself answers with challenges, serves the metadata of the resource (RFC 9728), and asks for scopes.
It takes only providers and tokens of its own classes, so this is `rightkey.integrations.mcp` in their terms.
"""

from __future__ import annotations

from typing import Unpack

from rightkey.integrations import mcp
from rightkey.integrations.asgi import Verifying
from rightkey.integrations.mcp import with_outages, with_proofs
from rightkey.integrations.settings import Settings, extra

with extra("fastmcp"):
    from fastmcp.server.auth.auth import AccessToken, TokenVerifier

__all__ = ["RightKeyVerifier", "with_outages", "with_proofs"]


class RightKeyVerifier(mcp.RightKeyVerifier, TokenVerifier):  # type: ignore[misc]
    """A TokenVerifier of FastMCP's.

    Args:
        issuer, verifier, settings: as in every integration (`rightkey.integrations.settings`).
        resource: as `rightkey.integrations.mcp` has it.
        base_url, required_scopes: as FastMCP's TokenVerifier takes them.

    Raises:
        Misconfigured: a setting is wrong.
    """

    _token_class = AccessToken

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        resource: str | None = None,
        base_url: str | None = None,
        required_scopes: list[str] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        TokenVerifier.__init__(self, base_url=base_url, required_scopes=required_scopes)
        mcp.RightKeyVerifier.__init__(self, issuer, verifier=verifier, resource=resource, **settings)

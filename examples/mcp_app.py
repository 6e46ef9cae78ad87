"""An MCP server by the official SDK: `uvicorn mcp_app:app`."""

from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings

from rightkey.integrations.mcp import RightKeyVerifier, with_outages

ISSUER = "tenant.eu.auth0.com"
settings = AuthSettings(
    issuer_url="https://tenant.eu.auth0.com/",
    resource_server_url="http://127.0.0.1:8000/mcp",
    required_scopes=["read:appointments"],
    validate_token_resource=False,  # the verifier asks for the audience
)
server = MCPServer(
    "appointments",
    token_verifier=RightKeyVerifier(ISSUER, audience="https://api.example.com"),
    auth=settings,
)


@server.tool()
def whoami() -> str:
    """The subject of the token."""
    token = get_access_token()
    return (token and token.subject) or ""


app = with_outages(server.streamable_http_app())

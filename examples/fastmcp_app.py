"""An MCP server by FastMCP: `uvicorn fastmcp_app:app`."""

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.dependencies import get_access_token

from rightkey.integrations.fastmcp import RightKeyVerifier, with_outages

ISSUER = "tenant.eu.auth0.com"
auth = RemoteAuthProvider(
    RightKeyVerifier(ISSUER, audience="https://api.example.com", required_scopes=["read:appointments"]),
    authorization_servers=["https://tenant.eu.auth0.com/"],
    base_url="http://127.0.0.1:8000",
)
server = FastMCP("appointments", auth=auth)


@server.tool
def whoami() -> str:
    """The subject of the token."""
    token = get_access_token()
    return (token and token.subject) or ""


app = with_outages(server.http_app())

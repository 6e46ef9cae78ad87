"""Servers of the Model Context Protocol, by the official SDK: its TokenVerifier, and answers for an outage.

    verifier = RightKeyVerifier("tenant.eu.auth0.com", audience="https://mcp.example.com/mcp")
    server = MCPServer("appointments", token_verifier=verifier, auth=AuthSettings(...))
    app = with_outages(server.streamable_http_app())

The SDK itself answers with challenges, serves the metadata of the resource (RFC 9728), and asks for scopes.
It knows bearer tokens alone: `with_proofs` has it take tokens under the scheme `DPoP`, too.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar, Unpack

from rightkey.errors import RightkeyError, TokenRejected
from rightkey.grants import items
from rightkey.integrations.asgi import (
    App,
    Message,
    Outages,
    Receive,
    Scope,
    Send,
    Verifying,
    credential_of,
    renewing,
    respond,
)
from rightkey.integrations.bearer import BEARER, Bearer, bearer_of
from rightkey.integrations.settings import Settings, extra, verifier_from
from rightkey.verdict.verified import Verified
from rightkey.verifier.tasks import AsyncVerifier

with extra("mcp"):
    from mcp.server.auth.provider import AccessToken
    from starlette.applications import Starlette

_App = TypeVar("_App", bound=Starlette)
_PROVED: ContextVar[tuple[str, Verified] | None] = ContextVar("rightkey_proved", default=None)
"""The token of the request at hand, verified with its proof."""
_CLIENTS = ("client_id", "azp", "cid", "appid")
"""Where issuers name the client: RFC 9068 (section 2.2), OpenID Connect, Okta, Entra's first version."""


class RightKeyVerifier:
    """A TokenVerifier of the SDK's.

    Args:
        issuer, verifier, settings: as in every integration (`rightkey.integrations.settings`).
        resource: this server's identifier: what an AccessToken names as its resource where the token's `aud`
            names several.

    Raises:
        Misconfigured: a setting is wrong.
    """

    _token_class: ClassVar[type[AccessToken]] = AccessToken

    def __init__(
        self,
        issuer: str | None = None,
        *,
        verifier: Verifying | None = None,
        resource: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._verifier: Verifying = verifier_from(AsyncVerifier, issuer, verifier, settings, type(self))
        self._resource = resource

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token grants; None where it is refused, with the reason in the log.

        Raises:
            IssuerUnavailable: it cannot be verified now; `with_outages` answers that with 503.
        """
        raw, proved = _PROVED.get() or ("", None)
        verified = proved if raw == token else await _accepted(self._verifier, token)
        return None if verified is None else self._token_class(**_granted(token, verified, self._resource))


def with_outages(app: _App) -> _App:
    """The server's application, which answers with 503 and `Retry-After` while the issuer is out of reach."""
    app.add_middleware(Outages)
    return app


def with_proofs(app: _App, verifier: RightKeyVerifier, bearer: Bearer = BEARER) -> _App:
    """The server's application, which takes tokens under the scheme `DPoP` too, and refuses them itself.

    Args:
        app: the application.
        verifier: the server's, with an `origin=`.
        bearer: how it refuses them.
    """
    app.add_middleware(_Proofs, verifier=verifier._verifier, bearer=bearer)
    return app


class _Proofs:
    """Verifies a token with its proof, and shows it to what is inside as a bearer token."""

    def __init__(self, app: App, verifier: Verifying, bearer: Bearer) -> None:
        self.app, self._verifier, self._bearer = app, verifier, bearer_of(bearer).beside(verifier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        before = _PROVED.set(None)
        try:
            found = credential_of(self._bearer, scope, optional=True)
            if found is not None and found.presented is not None:
                _PROVED.set((found.raw, await found.verified_async(self._verifier.verify)))
                scope = {**scope, "headers": _as_bearer(scope, found.raw)}
        except RightkeyError as error:
            await respond(self._bearer.refusal(error), scope, receive, send)
        else:
            await self.app(scope, receive, self._challenging(renewing(send, scope)))
        finally:  # a server may answer the next request in the same context
            _PROVED.reset(before)

    def _challenging(self, send: Send) -> Send:
        """Sends the challenges of the framework, and that of DPoP."""
        told = [one for one in self._bearer.schemes if one.name == "DPoP"]

        async def sent(message: Message) -> None:
            if message.get("status") == 401 and told:
                algs = " ".join(told[0].algorithms)
                headers = [*message.get("headers", ()), (b"www-authenticate", f'DPoP algs="{algs}"'.encode())]
                message = {**message, "headers": headers}
            await send(message)

        return sent


def _as_bearer(scope: Scope, raw: str) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    return [*kept, (b"authorization", f"Bearer {raw}".encode())]


async def _accepted(verifier: Verifying, token: str) -> Verified | None:
    """The token, or None where it is refused: frameworks of MCP cannot answer with the reason."""
    try:
        return await verifier.verify(token)
    except TokenRejected:  # the verifier's own log has the reason, and a line a second of it in a flood
        return None


def _granted(token: str, verified: Verified, resource: str | None) -> dict[str, Any]:
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
    """RFC 8707: of several audiences the one that this server is. With `ANY` none of them was looked at."""
    several = [one for one in [audience, *items(audience)] if isinstance(one, str)]
    return resource if resource in several else next(iter(several), None)

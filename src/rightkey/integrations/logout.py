"""Logout: an endpoint for the logout tokens of OpenID providers (OpenID Connect Back-Channel Logout 1.0).

    verifier = rightkey.AsyncVerifier(ISSUER, audience=CLIENT_ID, profile="logout", denylist=...)
    app.router.routes.append(Route("/backchannel-logout", AsgiLogout(verifier)))

    200    what the token names is denied
    400    the token is refused, or was used before
    503    the keys could not be fetched, or a store does not answer: the provider may send the token again

A token counts as used once what it names is denied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl

from rightkey.errors import Misconfigured, TokenRejected, quoted
from rightkey.integrations.receiving import Answer, Asgi, Receiver, Wsgi, answer, malformed

_MOST = 32


class _Logout(Receiver):
    profile: ClassVar[str] = "logout"
    media_type: ClassVar[str] = "application/x-www-form-urlencoded"

    def __init__(self, verifier: Any, *, by: Literal["session", "subject"] = "session") -> None:
        super().__init__(verifier)
        if by not in ("session", "subject"):
            raise Misconfigured(f"by must be session or subject, not {quoted(by)}")
        self._first = ("sid", "sub") if by == "session" else ("sub", "sid")

    def _token(self, body: bytes) -> str:
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST)
        except ValueError:
            raise malformed("the request's body cannot be read") from None
        tokens = [value for name, value in fields if name == "logout_token"]
        if len(tokens) != 1:
            raise malformed("the request must have one logout_token")
        return tokens[0]

    def _denials(self, claims: Mapping[str, Any]) -> list[dict[str, Any]]:
        name = next(name for name in self._first if isinstance(claims.get(name), str))
        if not claims[name]:
            raise malformed(f"the token's {name} says nothing")
        return [{name: claims[name], "before": claims["iat"] if name == "sub" else None}]

    def _accepted(self) -> Answer:
        return answer(200)

    def _refused(self, error: TokenRejected) -> Answer:
        return answer(400, {"error": "invalid_request", "error_description": str(error)})


class AsgiLogout(_Logout, Asgi):
    """An ASGI application that takes logout tokens by POST.

    Args:
        verifier: an `AsyncVerifier` with `profile="logout"`, the client's id as `audience`, and the denylist
            of the verifiers that are to refuse.
        by: what is denied of a token that names both: `session`, all tokens with its `sid`; or `subject`, all
            its subject's tokens that were issued until then, if your access tokens have no `sid`.

    Raises:
        Misconfigured: any of them is not as described.
    """


class WsgiLogout(_Logout, Wsgi):
    """The same as a WSGI application, with a `Verifier`."""

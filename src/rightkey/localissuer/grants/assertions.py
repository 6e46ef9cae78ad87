"""How a client authenticates by a JWT that it signed with its secret (RFC 7523, section 2.2).

OpenID Connect Core 1.0, section 9, has the claims. A client that is not listed has no secret to check: its
signature may be of any kind, as any secret of it is right.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwk, jwt
from joserfc.errors import JoseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rightkey.localissuer.clients import Client
    from rightkey.localissuer.grants.request import OAuthRequest
    from rightkey.localissuer.issuer import Issuer

METHOD = "client_secret_jwt"
ALGORITHMS = ["HS256", "HS384", "HS512"]
_LEEWAY = 60  # seconds that the client's clock may be off


class ClientAssertion(JWTBearerClientAssertion):
    """Authlib's, by the issuer's clock and the client's secret."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(validate_jti=False, leeway=_LEEWAY)
        self._issuer = issuer

    def __call__(self, query_client: Callable[[str], Client | None], request: OAuthRequest) -> Client | None:
        data = request.form
        raw = data.get("client_assertion")
        if data.get("client_assertion_type") != self.CLIENT_ASSERTION_TYPE or not raw:
            return None
        _, claims = self.extract_assertion(raw)
        client = query_client(str(claims.get("sub")))
        if client is None or (client.secret is None and not client.any_secret):
            raise InvalidClientError(description="The client has no secret on this server.")
        if not client.any_secret:
            _require_signature(raw, str(client.secret))
        self._require_claims(claims)
        return client

    def _require_claims(self, claims: dict[str, Any]) -> None:
        url = self._issuer.url
        audiences = [self._issuer.urls["token"], url, url.rstrip("/"), f"{url.rstrip('/')}/"]
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._issuer.clock()),
            leeway=_LEEWAY,
            iss={"essential": True, "value": str(claims.get("sub"))},
            sub={"essential": True},
            aud={"essential": True, "values": audiences},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise InvalidClientError(description=error.description) from error


def _require_signature(raw: str, secret: str) -> None:
    try:
        with warnings.catch_warnings():  # joserfc warns of short secrets, and a test's may be short
            warnings.simplefilter("ignore")
            jwt.decode(raw, jwk.OctKey.import_key(secret), algorithms=ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise InvalidClientError(description="The assertion is not signed by this client.") from error

"""A client that proves to be the rightful sender of its tokens, by DPoP (RFC 9449)."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import orjson

from rightkey.jose.base64url import encode
from rightkey.jose.key import Key
from rightkey.localissuer.clock import system
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import compact, without_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BARE = Form(certificates=False)


class Sender:
    """A client with a key of its own, to which tokens are bound: `issuer.token(cnf=sender.cnf)`.

    Args:
        algorithm: one of `ALGORITHMS`.
        clock: its time, as a Unix time in seconds.
    """

    def __init__(self, algorithm: str = "ES256", *, clock: Callable[[], float] = system) -> None:
        self.key, self._clock = SigningKey.generate(algorithm, _BARE), clock
        public = self.key.public_jwk()
        self.jwk = {name: public[name] for name in public if name not in ("use", "kid")}
        self.cnf = {"jkt": Key.from_jwk(self.jwk).thumbprint}
        """The claim `cnf` of its tokens."""

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        *,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A proof for one request.

        Args:
            method: of the request.
            url: of the request, with or without its query.
            token: what the request carries; None for one to the token endpoint.
            header: replaces or adds header parameters.
            claims: replace or add claims, such as `nonce`.

        A claim or parameter that is None is left out.
        """
        ath = None if token is None else encode(hashlib.sha256(token.encode()).digest())
        own = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url.partition("#")[0].partition("?")[0],
            "iat": int(self._clock()),
            "ath": ath,
        }
        parameters = {"typ": "dpop+jwt", "alg": self.key.algorithm, "jwk": self.jwk} | dict(header or {})
        return compact(without_none(parameters), orjson.dumps(without_none(own | claims)), self.key.sign)

    def headers(self, method: str, url: str, token: str, **claims: Any) -> dict[str, str]:
        """The headers of a request that carries a token of its own, with a new proof."""
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token, **claims)}

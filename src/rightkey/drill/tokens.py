"""What the drill's tokens say: one subject, one scope and one set of claims, for good and bad ones alike.

A bad token must be bad in one thing only, or a service refuses it for the wrong reason. So what an issuer's
tokens have, such as `tid` at Entra, theirs has too.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rightkey.localissuer import LocalIssuer, SigningKey

SUBJECT, SCOPE, CLIENT = "alice", "read:x", "drill"
_OBJECT = "00000000-0000-4000-8000-00000000a11c"
Claims = dict[str, Any]


def _plain(issuer: LocalIssuer) -> Claims:
    return {}


def _okta(issuer: LocalIssuer) -> Claims:
    return {"cid": CLIENT, "uid": _OBJECT, "scp": [SCOPE], "ver": 1}


def _entra(issuer: LocalIssuer) -> Claims:
    tenant = issuer.url.rstrip("/").split("/")[-2]
    now = int(issuer.clock())
    return {
        "nbf": now - 60,
        "ver": "2.0",
        "tid": tenant,
        "oid": _OBJECT,
        "azp": CLIENT,
        "azpacr": "1",
        "scp": SCOPE,
    }


def _keycloak(issuer: LocalIssuer) -> Claims:
    return {"typ": "Bearer", "azp": CLIENT, "sid": _OBJECT, "preferred_username": SUBJECT}


def _cognito(issuer: LocalIssuer) -> Claims:
    """Cognito's access tokens have no `aud`: they name the app client."""
    return {
        "aud": None,
        "client_id": issuer.audience,
        "token_use": "access",
        "version": 2,
        "username": SUBJECT,
    }


DRESSED: Mapping[str, Callable[[LocalIssuer], Claims]] = {
    "auth0": lambda _: {"azp": CLIENT},
    "okta": _okta,
    "entra": _entra,
    "keycloak": _keycloak,
    "cognito": _cognito,
}
"""The claims that access tokens of these have besides the registered ones."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """How a good token is made.

    Args:
        dress: whose tokens they look like.
        typ: the header's `typ`; `JWT` where it is not said.
        claims: further claims, or others; one that is None is left out.
    """

    dress: str | None = None
    typ: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)

    def of(self, issuer: LocalIssuer) -> Claims:
        """The claims of one more token: RFC 9068 (section 2.2) asks for a client and an id in each."""
        own = {"sub": SUBJECT, "scope": SCOPE, "client_id": CLIENT, "jti": uuid.uuid4().hex}
        dressed = DRESSED.get(self.dress or "", _plain)
        return own | dressed(issuer) | dict(self.claims)

    def good(
        self,
        issuer: LocalIssuer,
        key: SigningKey | None = None,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A good token; `header` and `changes` say in what it is another."""
        worn = {} if self.typ is None else {"typ": self.typ}
        return issuer.mint(self.of(issuer) | changes, key=key, header=worn | dict(header or {}))

    @property
    def strict(self) -> bool:
        """They are access tokens by RFC 9068, whose section 4 then binds the service."""
        return self.typ is not None and self.typ.lower() in ("at+jwt", "application/at+jwt")

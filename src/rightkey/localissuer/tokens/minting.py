"""How a token is put together: header, claims, and the key's signature over both (RFC 7515, section 7.1)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson

from rightkey.jose.base64url import encode
from rightkey.policy.profiles import LOGOUT_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rightkey.localissuer.keys.signing import SigningKey


def mint(key: SigningKey, claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None) -> str:
    """A token with these claims, signed by this key.

    Args:
        header: replaces or adds header parameters; None as a value leaves one out.
    """
    return compact(header_of(key, header), orjson.dumps(dict(claims)), key.sign)


def header_of(key: SigningKey, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The header of an honest token by this key, with the changes asked for."""
    return without_none({"alg": key.algorithm, "typ": key.typ, "kid": key.kid} | dict(changes or {}))


def logout_claims(now: int) -> dict[str, Any]:
    """What a logout token claims besides whom it is about (OpenID Connect Back-Channel Logout 1.0, 2.4)."""
    return {"iat": now, "exp": now + 120, "jti": str(uuid.uuid4()), "events": {LOGOUT_EVENT: {}}}


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out members that are None: so callers ask for a claim or parameter to be absent."""
    return {name: value for name, value in members.items() if value is not None}


def compact(header: Mapping[str, Any] | bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Any JWS in compact form. A header given as bytes goes in as it is, however malformed."""
    head = header if isinstance(header, bytes) else orjson.dumps(dict(header))
    signed = f"{encode(head)}.{encode(payload)}"
    return f"{signed}.{encode(sign(signed.encode('ascii')))}"

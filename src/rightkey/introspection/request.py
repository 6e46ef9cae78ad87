"""The introspection request: a form with the token, and what we authenticate with (RFC 7662, section 2.1)."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import quote, urlencode

from rightkey.exchange import Request
from rightkey.policy.introspection import Introspection, signer_of

MAX_ANSWER = 64 * 1024
"""Bytes of an issuer's answer about one token."""
ASSERTION_LIFE = 60.0
"""Seconds that an assertion of ours is good (`private_key_jwt`)."""
JSON, JWT = "application/json", "application/token-introspection+jwt"
_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class IntrospectionRequest(NamedTuple):
    """Which token is asked about, and where."""

    raw: str
    digest: bytes
    """Its SHA-256, by which it is remembered."""
    endpoint: str
    audience: str
    """Whom an assertion is for, unless the settings say it: the issuer (RFC 7523, section 3)."""
    now: float
    """The Unix time in seconds."""

    def __repr__(self) -> str:
        return "IntrospectionRequest(...)"  # it holds a token


def request_of(
    settings: Introspection,
    secret: bytes,
    request: IntrospectionRequest,
    jti: str,
    connect_timeout: float,
    timeout: float,
) -> Request:
    """The request about a token.

    Args:
        settings: how we authenticate, and whether the answer must be signed.
        secret: what we authenticate with, as it is now.
        request: which token, and where.
        jti: one that was never used, for an assertion.
        connect_timeout, timeout: the request's, in seconds.

    Raises:
        Misconfigured: the secret is no key, and must be one.
    """
    form: dict[str, str | bytes] = {"token": request.raw, "token_type_hint": "access_token"}
    headers = {
        "accept": JWT if settings.signed else JSON,
        "content-type": "application/x-www-form-urlencoded",
        "cache-control": "no-store",
    }
    if settings.auth_method == "client_secret_basic":
        headers["authorization"] = f"Basic {basic(settings.client_id, secret)}"
    elif settings.auth_method == "client_secret_post":
        form |= {"client_id": settings.client_id, "client_secret": secret}
    else:
        assertion = _assertion(settings, secret, request, jti)
        form |= {
            "client_id": settings.client_id,
            "client_assertion_type": _BEARER,
            "client_assertion": assertion,
        }
    body = urlencode(form).encode("ascii")
    return Request(request.endpoint, headers, connect_timeout, timeout, MAX_ANSWER, body)


def basic(client_id: str, secret: bytes) -> str:
    """Both are encoded as in a form first, so that a colon is no end of the id (RFC 6749, section 2.3.1).
    A space is `%20`, which servers decode that do not know the `+` of forms, too."""
    pair = ":".join(quote(one, safe="") for one in (client_id, secret))
    return b64encode(pair.encode("ascii")).decode("ascii")


def _assertion(settings: Introspection, secret: bytes, request: IntrospectionRequest, jti: str) -> str:
    claims = {
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": settings.assertion_audience or request.audience,
        "jti": jti,
        "iat": int(request.now),
        "exp": int(request.now + ASSERTION_LIFE),
    }
    header = {"typ": "JWT"} | ({} if settings.kid is None else {"kid": settings.kid})
    return signer_of(settings, secret).sign(claims, header)

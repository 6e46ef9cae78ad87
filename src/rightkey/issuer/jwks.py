"""An issuer's JSON Web Key Set: what is asked, and how an answer is read (RFC 7517, section 5)."""

from __future__ import annotations

import re

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable, Misconfigured
from rightkey.exchange import Request, Response
from rightkey.jose import strictjson
from rightkey.jose.keyset import KeySet
from rightkey.jose.pem import is_pem

MOVED = frozenset((300, 301, 302, 303, 307, 308, 403, 404, 410))
"""Answers after which the metadata is read again: the keys may be elsewhere by now."""


_SENDABLE = re.compile(r"[ -~]{1,1024}")
"""Validators that any client can send back. A request that fails for one fails until the keys are gone."""


def jwks_request(
    url: str, *, etag: str | None = None, modified: str | None = None, forced: bool = False
) -> Request:
    """Ask for the keys.

    Args:
        url: the metadata's `jwks_uri`.
        etag: of the answer held, so that 304 can renew it (RFC 9110, section 13.1.2).
        modified: its `Last-Modified`. Either is left out where it is no short, printable ASCII.
        forced: whether no cache on the way may answer from what it holds (RFC 9111, section 5.2.1.4).
    """
    headers = {"accept": "application/jwk-set+json, application/json, */*;q=0.1"}
    for name, value in (("if-none-match", etag), ("if-modified-since", modified)):
        if value is not None and is_sendable(value):
            headers[name] = value
    if forced:
        headers["cache-control"] = "no-cache"
    return Request(url, headers)


def is_sendable(validator: str) -> bool:
    """Whether any HTTP client can send back this `ETag` or `Last-Modified`."""
    return _SENDABLE.fullmatch(validator) is not None


def read_jwks(response: Response, kid: str | None = None) -> KeySet:
    """Read an answer: a key set in any form that `KeySet.parse` reads, or public keys in PEM.

    Args:
        response: the answer.
        kid: the key id of what it has in PEM.

    Raises:
        IssuerUnavailable: `keys_unavailable`: any status but 200.
        IssuerMisbehaved: `keyset_invalid`: not a key set at all.
    """
    if response.status != 200:
        raise IssuerUnavailable(
            "keys_unavailable",
            f"the issuer's keys could not be fetched: {response.refusal}",
            hint=response.hint,
            retry_after=response.retry_after,
        )
    if is_pem(response.body):
        return _of_pem(response.body, kid)
    try:
        return KeySet.parse(response.body, published=True)
    except IssuerMisbehaved as error:
        _require_no_metadata(response.body)
        error.hint = error.hint or response.hint
        raise


def _require_no_metadata(body: bytes) -> None:
    """Raises IssuerMisbehaved where it is an issuer's metadata that was named instead of its keys."""
    try:
        document = strictjson.read_unique(strictjson.without_mark(body))
    except strictjson.NotJson:
        return
    if isinstance(document.get("jwks_uri"), str):
        raise IssuerMisbehaved(
            "keyset_invalid",
            "the key set has no array of keys: it is the issuer's metadata",
            hint="leave out keys= and name the issuer; for metadata that are elsewhere give metadata_url=",
        )


def _of_pem(pem: bytes, kid: str | None) -> KeySet:
    try:
        return KeySet.from_pem(pem, kid=kid, published=True)
    except Misconfigured as error:
        raise IssuerMisbehaved("keyset_invalid", f"the key set cannot be read: {error}") from None

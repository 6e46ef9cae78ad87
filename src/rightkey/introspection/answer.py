"""The answer: what counts of it, and what is no answer at all (RFC 7662, section 2.2; RFC 9701, section 5).

What cannot be used is never taken for a token that is not active: the token may be good.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rightkey.errors import IssuerUnavailable, TokenRejected
from rightkey.exchange import Response
from rightkey.introspection.request import JWT
from rightkey.jose import strictjson
from rightkey.jose.jws import Header

KIND = "token-introspection+jwt"
"""The `typ` of a signed answer."""
MAX_AGE = 300.0
"""Seconds that the `iat` of a signed answer may lie away from the time here, besides the leeway."""
_REFUSED = "have the issuer know this client, its secret and auth_method=, and let it introspect tokens"
_MOVED = "redirects are not followed: Introspection(endpoint=...) names where it is"
_OF_THE_TOKEN = frozenset((400, 404, 413, 414, 422))
"""Statuses by which a server may refuse one token alone: they are no reason to leave it alone."""


class Unusable(Exception):
    """There is no answer. `reason` is one word for metrics: of the exchange, `http_503` for a status,
    `credentials` where ours were refused, or `answer` where it came and cannot be used. `pauses` is whether
    the issuer is to be left alone for a while, `retry_after` for how many seconds it has asked for that."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        hint: str | None = None,
        pauses: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.reason, self.hint, self.pauses, self.retry_after = reason, hint, pauses, retry_after

    def __str__(self) -> str:
        return str(self.args[1])


def failed(message: str, *, hint: str | None = None, retry_after: float | None = None) -> IssuerUnavailable:
    """The error of a token that the issuer could not be asked about."""
    told = f"the issuer could not be asked about the token: {message}"
    return IssuerUnavailable("introspection_failed", told, hint=hint, retry_after=retry_after)


def inactive() -> TokenRejected:
    """The verdict on a token that its issuer calls not active: it has expired, was revoked, or never was."""
    return TokenRejected(
        "token_inactive",
        "the issuer says that the token is not active",
        hint="it has expired, was revoked, is for another API, or is of another issuer",
    )


def read(response: Response, *, signed: bool) -> dict[str, Any] | str:
    """A plain answer, or the JWS of a signed one.

    Args:
        signed: whether it must be signed.

    Raises:
        Unusable: it is neither.
    """
    if response.status != 200:
        raise _refused(response)
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == JWT:
        try:
            return response.body.decode("ascii").strip()
        except UnicodeDecodeError:
            raise Unusable("answer", "its signed answer is no JWT") from None
    if signed:
        raise Unusable("answer", "its answer is not signed", hint="have it sign for this client (RFC 9701)")
    body = strictjson.without_mark(response.body)
    try:
        return strictjson.read_unique(body, strictjson.MAX_IN_PAYLOAD)
    except strictjson.NotJson as error:
        # One with a claim that cannot be read, such as a name that was cut off, is of one token alone.
        told, pauses = f"its answer cannot be read: {error}", not _is_object(body)
        raise Unusable("answer", told, hint=response.hint, pauses=pauses) from None


def signed_document(header: Header, claims: Mapping[str, Any], now: float, leeway: float) -> dict[str, Any]:
    """What a signed answer says of the token, once its signature, `iss` and `aud` are known to be good.

    Raises:
        Unusable: it is another kind of JWT, an old one, or says nothing.
    """
    document: Any = claims.get("token_introspection")
    iat: Any = claims.get("iat")
    if header.kind != KIND:
        raise Unusable("answer", f"its signed answer has not the typ {KIND}")
    if type(iat) not in (int, float) or not abs(now - iat) <= MAX_AGE + leeway:
        raise Unusable("answer", "its signed answer is old, or has no iat", hint="do the clocks agree?")
    if not isinstance(document, dict):
        raise Unusable("answer", "its signed answer has no token_introspection")
    return document


def active(document: dict[str, Any]) -> dict[str, Any] | None:
    """The claims of an active token; None of one that is not.

    Raises:
        Unusable: `active` is neither true nor false, as JSON has them.
    """
    state = document.get("active")
    if state is False:
        return None
    if state is not True:
        raise Unusable("answer", "active is neither true nor false in its answer")
    return {name: value for name, value in document.items() if name != "active"}


def life_of(claims: Mapping[str, Any], now: float, life: float, least: float) -> float:
    """For how many seconds an answer counts: never past `exp`. One about a token that has expired is judged
    by its `exp` at each use, and kept as shortly as one about a token that is not active."""
    exp: Any = claims.get("exp")
    if type(exp) not in (int, float) or not math.isfinite(exp):
        return life
    return float(min(life, max(exp - now, least)))


def _refused(response: Response) -> Unusable:
    if response.status in (401, 403) or (response.status == 400 and b'"invalid_client"' in response.body):
        return Unusable("credentials", f"our own credentials were refused, {response.refusal}", hint=_REFUSED)
    return Unusable(
        f"http_{response.status}",
        response.refusal,
        hint=_MOVED if 300 <= response.status < 400 else response.hint,
        pauses=response.status not in _OF_THE_TOKEN,
        retry_after=response.retry_after,
    )


def _is_object(text: bytes) -> bool:
    """Whether it is a JSON object for readers that are less strict, whatever is in it."""
    try:
        return type(json.loads(text, parse_int=len)) is dict
    except RecursionError:
        return True
    except ValueError:
        return False

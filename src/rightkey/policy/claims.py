"""The registered claims: `exp`, `nbf`, `iat`, `iss`, `aud`, `sub`, `jti` (RFC 7519, section 4.1).

Every failure is found, not the first one only. Times are NumericDates, seconds since 1970 in UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rightkey.errors import Failure, TokenRejected
from rightkey.issuer.spelling import near_hint

if TYPE_CHECKING:
    from rightkey.issuer.vendor import Vendor

_NUMBERS = (int, float)  # asked of the very type: to isinstance True is an int
_LOOKED_AT = 8
"""Audiences of a token in which a hint is looked for: a stranger may send thousands."""
_CLIENT_ID = "it has client_id instead, as Amazon Cognito's access tokens do: provider='cognito' judges that"
_HINTS = {
    ("nbf", "not_yet_valid"): "does the clock here agree with the issuer's? leeway= allows for some seconds",
    **dict.fromkeys(
        [(claim, "malformed") for claim in ("exp", "nbf", "iat")],
        "a time is a number of seconds since 1970, without quotes (RFC 7519, section 2)",
    ),
    ("typ", "mismatch"): "the token is of another kind: profile= says which one is expected",
    ("token_use", "mismatch"): "an access token and an ID token were mixed up: profile='id' judges ID tokens",
}
MILLISECONDS = 1e12
"""A time beyond the year 33,000: it is in milliseconds. (The end of the year 9999 is meant as never.)"""
_IN_SECONDS = "it is in milliseconds: a time is in seconds (RFC 7519, section 2)"
_FOR_A_CLIENT = (
    "it looks like an ID token, which is for the client: send the access token, or judge by profile='id'"
)
_FOR_ITS_CLIENT = "it is for the client that got it: have that ask the issuer for a token for this API"


def failures(
    claims: Mapping[str, Any],
    now: float,
    leeway: float,
    *,
    exp_required: bool,
    audience: frozenset[str] | None,
    client: str | None = None,
) -> list[Failure]:
    """What is wrong with the registered claims at a time, but for whether the issuer is trusted.

    On `exp` itself the token has expired; on `nbf` itself it is good (sections 4.1.4 and 4.1.5). `iat` in the
    future refuses nothing: for that `nbf` exists. `aud` is a string or an array of them, one of which is
    expected (4.1.3); where it is missing, the claim named by `client` stands for it.
    """
    found: list[Failure] = []  # in one pass, with no function for each claim: each new token goes through it
    get = claims.get
    exp: Any = get("exp")
    if type(exp) in _NUMBERS:
        if now >= exp + leeway:
            found.append(Failure("exp", "expired", f"after {now:.0f}", exp))
    elif "exp" in claims:
        found.append(Failure("exp", "malformed", "a number", exp))
    elif exp_required:
        found.append(Failure("exp", "missing", "a number"))
    nbf: Any = get("nbf", now)
    if type(nbf) not in _NUMBERS:
        found.append(Failure("nbf", "malformed", "a number", nbf))
    elif now + leeway < nbf:
        found.append(Failure("nbf", "not_yet_valid", f"at most {now:.0f}", nbf))
    iat: Any = get("iat", now)
    if type(iat) not in _NUMBERS:
        found.append(Failure("iat", "malformed", "a number", iat))
    if not (type(get("iss", "")) is type(get("sub", "")) is type(get("jti", "")) is str):  # in one look
        found += _not_strings(claims)
    if audience is not None:
        aud: Any = get("aud")
        if not (type(aud) is str and aud in audience):
            found += _audience_failures(get(client) if aud is None and client else aud, audience)
    return found


def _not_strings(claims: Mapping[str, Any]) -> list[Failure]:
    wrong = [name for name in ("iss", "sub", "jti") if type(claims.get(name, "")) is not str]
    return [Failure(name, "malformed", "a string", claims[name]) for name in wrong]


def period(claims: Mapping[str, Any], leeway: float) -> tuple[float, float]:
    """From when, and before when, claims that passed once pass again: times are all that changes in them."""
    return claims.get("nbf", -math.inf) - leeway, claims.get("exp", math.inf) + leeway


def issuer_failure(claims: Mapping[str, Any], spellings: tuple[str, ...]) -> Failure:
    """What is wrong with an `iss` that is not one of the spellings (section 4.1.1; RFC 8725, section 3.8)."""
    iss = claims.get("iss")
    if iss is None:
        return Failure("iss", "missing", spellings)
    reason = "mismatch" if type(iss) is str else "malformed"
    return Failure("iss", reason, spellings, iss)


def _audience_failures(aud: Any, audience: frozenset[str]) -> list[Failure]:
    if aud is None:
        return [Failure("aud", "missing", sorted(audience))]
    several = [aud] if type(aud) is str else aud
    if type(several) is not list or not all(type(one) is str for one in several):
        return [Failure("aud", "malformed", "a string or an array of strings", aud)]
    return [Failure("aud", "mismatch", sorted(audience), aud)] if audience.isdisjoint(several) else []


def hint_of(
    failures: Iterable[Failure], claims: Mapping[str, Any], vendor: Vendor | None = None
) -> str | None:
    """What to do about the first failure that people often meet by a mistake of set-up; no claim's value."""
    for failure in failures:
        hint = _HINTS.get((failure.claim, failure.reason))
        if failure.claim == "aud" and failure.reason == "mismatch":
            hint = _audience_hint(failure, vendor) or _kind_hint(claims)
        elif failure.reason == "not_yet_valid" and failure.got > MILLISECONDS:
            hint = _IN_SECONDS
        elif failure.claim == "aud" and failure.reason == "missing":
            hint = _unaddressed(claims, vendor)
        if hint:
            return hint
    return None


def _kind_hint(claims: Mapping[str, Any]) -> str | None:
    """What to do about a token for another API that is none for any: an ID token, or one for its client."""
    hashes = "at_hash" in claims or "c_hash" in claims
    if hashes or claims.get("typ") == "ID" or ("nonce" in claims and not {"scope", "scp"} & claims.keys()):
        return _FOR_A_CLIENT
    aud = claims.get("aud")
    only = aud[0] if type(aud) is list and len(aud) == 1 else aud
    return (
        _FOR_ITS_CLIENT
        if type(only) is str and only in (claims.get("azp"), claims.get("client_id"))
        else None
    )


def _unaddressed(claims: Mapping[str, Any], vendor: Vendor | None) -> str | None:
    if vendor is not None:
        return vendor.unaddressed
    return _CLIENT_ID if isinstance(claims.get("client_id"), str) else None


def _audience_hint(failure: Failure, vendor: Vendor | None) -> str | None:
    got = failure.got if type(failure.got) is list else [failure.got]
    for one in got[:_LOOKED_AT]:
        hint = near_hint(one, failure.expected, "the audience expected is")
        hint = f"{hint}; audience= may be given both" if hint else vendor.hint_for(one) if vendor else None
        if hint:
            return hint
    return None


def rejected(failures: tuple[Failure, ...], hint: str | None = None) -> TokenRejected:
    """The error that names each claim which is not as required."""
    told = ", ".join(f"{failure.claim} {failure.reason.replace('_', ' ')}" for failure in failures)
    return TokenRejected(
        "claims_rejected", f"claims are not as required: {told}", hint=hint, failures=failures
    )

"""The registered claims: `exp`, `nbf`, `iat`, `iss`, `aud`, `sub`, `jti` (RFC 7519, section 4.1).

Every failure is found, not the first one only. Times are NumericDates, seconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rightkey.errors import Failure

_NUMBERS = (int, float)


def time_failures(
    claims: Mapping[str, Any], now: float, leeway: float, *, exp_required: bool
) -> list[Failure]:
    """What is wrong with `exp`, `nbf` and `iat` at a time.

    On `exp` itself the token has expired; on `nbf` itself it is good (sections 4.1.4 and 4.1.5). `iat`
    must be a time; one in the future refuses nothing, for which `nbf` exists.
    """
    failures: list[Failure] = []
    exp: Any = claims.get("exp")
    if type(exp) in _NUMBERS:
        if now >= exp + leeway:
            failures.append(Failure("exp", "expired", f"after {now:.0f}", exp))
    elif "exp" in claims:
        failures.append(Failure("exp", "malformed", "a number", exp))
    elif exp_required:
        failures.append(Failure("exp", "missing", "a number"))
    for name in ("nbf", "iat"):
        if name in claims and type(claims[name]) not in _NUMBERS:
            failures.append(Failure(name, "malformed", "a number", claims[name]))
    nbf: Any = claims.get("nbf")
    if type(nbf) in _NUMBERS and now + leeway < nbf:
        failures.append(Failure("nbf", "not_yet_valid", f"at most {now:.0f}", nbf))
    return failures


def audience_failures(claims: Mapping[str, Any], audience: frozenset[str]) -> list[Failure]:
    """Whether one of the token's audiences is expected. `aud` is a string or an array of strings."""
    aud = claims.get("aud")
    if type(aud) is str:
        return [] if aud in audience else [_not_for_us(aud, audience)]
    if aud is None:
        return [Failure("aud", "missing", sorted(audience))]
    if type(aud) is not list or not all(type(one) is str for one in aud):
        return [Failure("aud", "malformed", "a string or an array of strings", aud)]
    return [_not_for_us(aud, audience)] if audience.isdisjoint(aud) else []


def type_failures(claims: Mapping[str, Any]) -> list[Failure]:
    """Which of `iss`, `sub` and `jti` are there and are no string (sections 4.1.1, 4.1.2 and 4.1.7)."""
    get = claims.get
    if type(get("iss", "")) is type(get("sub", "")) is type(get("jti", "")) is str:
        return []
    return [
        Failure(name, "malformed", "a string", claims[name])
        for name in ("iss", "sub", "jti")
        if type(get(name, "")) is not str
    ]


def issuer_failure(claims: Mapping[str, Any], spellings: tuple[str, ...]) -> Failure:
    """What is wrong with an `iss` that is none of the spellings (section 4.1.1; RFC 8725, section 3.8)."""
    iss = claims.get("iss")
    if iss is None:
        return Failure("iss", "missing", spellings)
    reason = "mismatch" if type(iss) is str else "malformed"
    return Failure("iss", reason, spellings, iss)


def _not_for_us(aud: Any, audience: frozenset[str]) -> Failure:
    return Failure("aud", "mismatch", sorted(audience), aud)

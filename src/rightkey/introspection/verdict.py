"""The verdict on what an issuer says of an active token: by the same rules as the claims of a JWT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rightkey.errors import Failure
from rightkey.policy import confirmation
from rightkey.policy.claims import rejected
from rightkey.verdict.attempt import judge_claims
from rightkey.verdict.held import OPAQUE
from rightkey.verdict.verified import Verified, require

if TYPE_CHECKING:
    from rightkey.policy.trust import Trust
    from rightkey.verdict.attempt import Demands

_OTHERS = {
    "token_type": frozenset(("refresh_token", "id_token")),
    "token_use": frozenset(("refresh_token", "refresh", "id_token", "id")),
    "typ": frozenset(("refresh", "offline", "id", "logout")),
}
"""How servers tell that an active token is of another kind: Hydra's `token_use`, Keycloak's `typ`."""


def judge(
    trust: Trust, claims: dict[str, Any], expected: tuple[str, ...] | None, now: float, demands: Demands
) -> Verified:
    """A token that holds, by what its issuer says of it.

    Args:
        trust: what it must be; it has `introspection`.
        claims: what the issuer says, without `active`; they are the caller's own from here on.
        expected: what the issuer's metadata say of `iss`; None where they say nothing.
        now: the Unix time in seconds.
        demands: what the call demands beyond the trust.

    Raises:
        TokenRejected: `issuer_not_trusted`, `claims_rejected`, `proof_rejected`, `scope_insufficient`.
    """
    others = [Failure(name, "mismatch", "an access token", claims[name]) for name in _of_another_kind(claims)]
    if others:
        raise rejected(tuple(others), "send the access token: a refresh token or ID token is none")
    judge_claims(trust, OPAQUE, _completed(trust, claims, expected), expected, now, demands)
    if trust.sender != "bearer" and "cnf" not in claims and _text(claims, "token_type") == "dpop":
        raise confirmation.rejected(
            "confirmation_missing",
            Failure("cnf", "missing", "a confirmation"),
            told="the issuer says that the token is bound by DPoP, and not to which key (cnf)",
        )
    for asked in (trust.requirement, demands.require):
        if asked is not None:
            require(claims, asked, trust.places)
    return Verified(claims, None, OPAQUE, trust.places)


def _of_another_kind(claims: Mapping[str, Any]) -> list[str]:
    return [name for name, others in _OTHERS.items() if _text(claims, name) in others]


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value.lower() if isinstance(value, str) else None


def _completed(trust: Trust, claims: dict[str, Any], expected: tuple[str, ...] | None) -> Mapping[str, Any]:
    """With what the issuer may leave out (RFC 7662, section 2.2): that the token is its own, and, if that is
    not required, whom it is for."""
    spellings = expected or trust.expected
    known: dict[str, Any] = {} if spellings is None else {"iss": spellings[0]}
    lenient = trust.introspection is not None and not trust.introspection.require_audience
    if lenient and trust.audiences is not None:
        known["aud"] = sorted(trust.audiences)
    return known | claims

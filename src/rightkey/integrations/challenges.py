"""Challenges: under which schemes an API takes tokens, and what is told of one that it refused.

RFC 6750, section 3; RFC 9449, sections 7.1 and 7.2; RFC 9728, section 5.1. The error stands in the challenge
of the scheme under which the token came; where that is not known, in each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from rightkey.errors import TokenRejected

_UNQUOTABLE = r"[^ !#-\[\]-~]"  # RFC 6750, section 3: what error_description must not contain
_ERRORS = {400: "invalid_request", 401: "invalid_token", 403: "insufficient_scope"}
_OF_PROOFS = {
    "proof_missing": "invalid_token",
    "confirmation_missing": "invalid_token",
    "confirmation_malformed": "invalid_token",
    "certificate_mismatch": "invalid_token",
    "key_mismatch": "invalid_token",
    "nonce_needed": "use_dpop_nonce",
}
"""By the reason of `proof_rejected`; the others are all a proof's fault."""


class Scheme(NamedTuple):
    """One under which tokens are taken, and by which algorithms proofs are, if it is one with proofs."""

    name: str
    algorithms: tuple[str, ...] = ()


BEARER = Scheme("Bearer")


def error_of(error: TokenRejected) -> str | None:
    """What OAuth calls it; None where there was no token, and nothing wrong yet."""
    if error.code == "token_missing":
        return None
    if error.code == "proof_rejected":
        return _OF_PROOFS.get(error.reason or "", "invalid_dpop_proof")
    return _ERRORS[error.status or 401]


def challenges(
    error: TokenRejected, schemes: tuple[Scheme, ...], realm: str | None, told: Mapping[str, str | None]
) -> str:
    """The value of `WWW-Authenticate`.

    Args:
        error: why the token was refused.
        schemes: those that the API takes.
        realm, told: parameters that every challenge has.
    """
    name = error_of(error)
    wrong = {} if name is None else {"error": name, "error_description": re.sub(_UNQUOTABLE, "?", str(error))}
    used = [one for one in schemes if one.name == error.scheme] or schemes
    return ", ".join(
        _challenge(one, {"realm": realm, **(wrong if one in used else {}), **told}) for one in schemes
    )


def _challenge(scheme: Scheme, parameters: Mapping[str, str | None]) -> str:
    each = {**parameters, "algs": " ".join(scheme.algorithms)}
    told = ", ".join(f'{name}="{value}"' for name, value in each.items() if value)
    return f"{scheme.name} {told}".rstrip()

"""Whether possession of a token is enough to use it: `cnf` says that only its rightful sender may (RFC 7800).

    sender      no cnf     cnf
    checked     passes     refused unless its proof is verified, which none is yet
    bound       refused    refused unless its proof is verified, which none is yet
    bearer      passes     passes: possession is enough, said out loud

A bound token that passes by possession alone is worth stealing again (RFC 9449, section 7.2; RFC 8705,
section 3). A `cnf` that cannot be read is no reason to take the token for an unbound one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rightkey.errors import Failure, Misconfigured, TokenRejected, quoted

SENDERS = ("checked", "bearer", "bound")
"""What `sender=` may be."""
REASONS: dict[str, str] = {
    "confirmation_malformed": "the token's cnf is not an object with a member",
    "confirmation_missing": "the token is not bound to its sender, and must be",
    "proof_missing": "the token is bound to its sender (cnf), and no proof of possession was verified",
}
"""Every reason of `proof_rejected`, and what it means."""
_HINT = "sender='bearer' accepts bound tokens by possession alone; at the issuer, issue this API unbound ones"


def sender(name: Any) -> str:
    """The setting as it was given. Raises Misconfigured."""
    if name not in SENDERS:
        raise Misconfigured(f"sender must be one of {', '.join(SENDERS)}, not {quoted(name)}")
    return str(name)


def require_sender(sender: str, claims: Mapping[str, Any]) -> None:
    """Refuse a token that its sender must prove to be the holder of, by any profile.

    Raises TokenRejected: `proof_rejected`, with a reason of `REASONS`.
    """
    if sender == "bearer":
        return
    if "cnf" not in claims:
        if sender == "bound":
            raise _rejected("confirmation_missing", Failure("cnf", "missing", "a confirmation"))
        return
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or not cnf:
        raise _rejected("confirmation_malformed", Failure("cnf", "malformed", "an object", cnf))
    raise _rejected("proof_missing", Failure("cnf", "mismatch", "a verified proof", cnf), _HINT)


def _rejected(reason: str, failure: Failure, hint: str | None = None) -> TokenRejected:
    return TokenRejected("proof_rejected", REASONS[reason], hint=hint, failures=(failure,), reason=reason)

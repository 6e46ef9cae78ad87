"""Whether possession of a token is enough to use it: `cnf` says that only its rightful sender may (RFC 7800).

    sender      no cnf     cnf
    checked     passes     each confirmation that is known must be proved, and one at least must be known
    bound       refused    the same
    bearer      passes     passes: possession is enough, said out loud

A token that comes under the scheme `DPoP` must be bound to a DPoP key, and its proof is judged, whatever
`sender` says. That of a token that comes otherwise is not: a bound token that passes by possession alone is
worth stealing again (RFC 9449, section 7.2; RFC 8705, section 3). A `cnf` that cannot be read is no reason to
take the token for an unbound one. Members that are not known are ignored beside one that is proved (RFC 7800,
section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rightkey.errors import Failure, Misconfigured, TokenRejected, quoted
from rightkey.jose import base64url

if TYPE_CHECKING:
    from rightkey.policy.presented import Presented

SENDERS = ("checked", "bearer", "bound")
"""What `sender=` may be."""
REASONS: dict[str, str] = {
    "confirmation_malformed": "the token's cnf is not an object with a member, or a thumbprint in it is none",
    "confirmation_missing": "the token is not bound to its sender, and must be",
    "proof_missing": "the token is bound to its sender (cnf), and no proof of possession was verified",
    "certificate_mismatch": "the token is bound to another client certificate than the connection's",
    "origin_unknown": "the service does not know its own origin, so that no DPoP proof can be verified",
    "proof_repeated": "the request has several DPoP proofs, and must have one",
    "proof_malformed": "the DPoP proof cannot be read",
    "proof_type": "the DPoP proof's typ is not dpop+jwt",
    "proof_algorithm": "the DPoP proof's alg is not an allowed asymmetric algorithm",
    "proof_key": "the DPoP proof's jwk is not a public key that can verify its alg",
    "proof_claims": "a claim of the DPoP proof is missing or malformed",
    "method_mismatch": "the DPoP proof is for another method than the request's",
    "url_mismatch": "the DPoP proof is for another URL than the request's",
    "proof_expired": "the DPoP proof's iat is too long ago",
    "proof_early": "the DPoP proof's iat is in the future",
    "nonce_needed": "the DPoP proof must have the nonce that the service has given",
    "token_mismatch": "the DPoP proof is for another access token",
    "key_mismatch": "the DPoP proof is by another key than the token is bound to",
    "proof_signature": "the DPoP proof was not signed by the key in it",
    "proof_replayed": "the DPoP proof was used before, or is as old as used ones that are forgotten",
}
"""Every reason of `proof_rejected`, and what it means."""
THUMBPRINT_LENGTH = 43
"""Characters of a thumbprint by SHA-256, in base64url."""
JKT, X5T = "jkt", "x5t#S256"
"""The confirmations that are known: RFC 9449, section 6.1; RFC 8705, section 3.1."""


def sender(name: Any) -> str:
    """The setting as it was given. Raises Misconfigured."""
    if name not in SENDERS:
        raise Misconfigured(f"sender must be one of {', '.join(SENDERS)}, not {quoted(name)}")
    return str(name)


def require_sender(sender: str, claims: Mapping[str, Any], presented: Presented | None = None) -> None:
    """Refuse a token that its sender must prove to be the holder of, and does not try to, by any profile.

    A proof of DPoP is only asked for here: `rightkey.proof` judges it, once the token is known to be good.

    Raises:
        TokenRejected: `proof_rejected`, with a reason of `REASONS`.
    """
    by_dpop = presented is not None and presented.by_dpop
    if "cnf" not in claims:
        if sender == "bound" or by_dpop:
            raise rejected("confirmation_missing", Failure("cnf", "missing", "a confirmation"))
        return
    cnf = claims["cnf"]
    if by_dpop and type(cnf) is dict and len(cnf) == 1 and _is_thumbprint(cnf.get(JKT)):
        return  # as nearly always: seen in a third of the time
    if sender == "bearer" and not by_dpop:
        return
    known = _known(cnf)
    if by_dpop and JKT not in known:
        raise rejected("confirmation_missing", Failure("cnf", "mismatch", JKT, cnf))
    if sender != "bearer":
        _require_proofs(known, presented, cnf)


def _known(cnf: Any) -> dict[str, str]:
    """The confirmations that can be proved, each a SHA-256 thumbprint. Raises TokenRejected."""
    known = {name: cnf[name] for name in (JKT, X5T) if name in cnf} if isinstance(cnf, dict) else {}
    if not isinstance(cnf, dict) or not cnf or not all(map(_is_thumbprint, known.values())):
        raise rejected("confirmation_malformed", Failure("cnf", "malformed", "an object of thumbprints", cnf))
    return known


def _is_thumbprint(value: Any) -> bool:
    return isinstance(value, str) and len(value) == THUMBPRINT_LENGTH


def _require_proofs(known: Mapping[str, str], presented: Presented | None, cnf: Any) -> None:
    """Each that is known, and one at least. Raises TokenRejected."""
    if not known:
        raise _unproved("proof_missing", cnf, _BEARER)
    if JKT in known and (presented is None or not presented.by_dpop):
        raise _unproved("proof_missing", cnf, _DPOP)
    if X5T not in known:
        return
    if presented is None or presented.certificate is None:
        raise _unproved("proof_missing", cnf, _CERTIFICATE)
    if known[X5T] != thumbprint(presented.certificate):
        raise _unproved("certificate_mismatch", cnf, _CERTIFICATE)


def _unproved(reason: str, cnf: Any, hint: str) -> TokenRejected:
    return rejected(reason, Failure("cnf", "mismatch", "a verified proof", cnf), hint=hint)


def thumbprint(certificate: bytes) -> str:
    """What `x5t#S256` says of a certificate, which is in DER (RFC 8705, section 3.1)."""
    return _sha256(certificate)


def token_hash(token: str | bytes) -> str:
    """What `ath` of a DPoP proof says of the token that it is for (RFC 9449, section 4.2)."""
    return _sha256(token.encode() if isinstance(token, str) else token)


def _sha256(octets: bytes) -> str:
    import hashlib  # slow to load, and few tokens are bound

    return base64url.encode(hashlib.sha256(octets).digest())


def rejected(
    reason: str, *failures: Failure, hint: str | None = None, told: str | None = None
) -> TokenRejected:
    """The verdict on a token whose sender has not proved to be the rightful one.

    Args:
        reason: one of `REASONS`.
        failures: what was not as required.
        hint: what to do.
        told: a message that says more than the reason's.
    """
    return TokenRejected(
        "proof_rejected", told or REASONS[reason], hint=hint, failures=failures, reason=reason
    )


_BEARER = (
    "sender='bearer' accepts bound tokens by possession alone; at the issuer, issue this API unbound ones"
)
_DPOP = "send it as Authorization: DPoP <token>, with a proof in the header DPoP (RFC 9449)"
_CERTIFICATE = "use the client certificate that the token was issued for (RFC 8705)"

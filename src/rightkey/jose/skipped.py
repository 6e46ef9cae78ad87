"""Why a member of a key set is skipped."""

from __future__ import annotations

SKIPPED: dict[str, str] = {
    "not_an_object": "the member is not a JSON object",
    "named_twice": "a name stands twice in the member",
    "unknown_kty": "the key type is not known here",
    "unknown_curve": "the curve is not known here",
    "symmetric": "a shared secret verifies nothing here",
    "not_for_signatures": "`use` says something else than `sig`",
    "not_to_verify": "`key_ops` does not have `verify`",
    "encryption_alg": "`alg` is for encryption",
    "unusable_alg": "`alg` is unknown, or not for a key of this type and curve",
    "no_public_key": "the numbers of the key are missing",
    "malformed": "a member has the wrong type, or the numbers make no key",
    "weak": "RSA of under 2048 or over 8192 bits, a bad exponent, or a guessable modulus",
    "private_key_published": "the issuer published its private key",
    "too_many": "the set has over 1,000 members",
    "distrusted": "distrusted by this process",
}
"""Every reason for which a member is skipped."""
REFUSED = frozenset(("private_key_published", "distrusted"))
"""Reasons that no newer answer mends."""


class Skip(Exception):
    """A member that cannot be used; says why."""

    def __init__(self, reason: str, detail: str = "", thumbprint: str | None = None) -> None:
        super().__init__(reason, detail, thumbprint)
        self.reason, self.detail, self.thumbprint = reason, detail or SKIPPED[reason], thumbprint

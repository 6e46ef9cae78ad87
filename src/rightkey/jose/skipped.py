"""Why a member of a key set is skipped, and how much of that is kept."""

from __future__ import annotations

from typing import NamedTuple

MAX_NAME = 1024
"""Characters of a skipped member's key id that are kept. A longer one is cut, and is no name of any key."""

SKIP_REASONS: dict[str, str] = {
    "not_an_object": "the member is not a JSON object",
    "named_twice": "a name stands twice in the member",
    "unknown_kty": "the key type is not supported",
    "unknown_curve": "the curve is not supported",
    "symmetric": "symmetric keys are not supported",
    "not_for_signatures": "`use` is not `sig`",
    "not_to_verify": "`key_ops` does not have `verify`",
    "encryption_alg": "`alg` is for encryption",
    "unusable_alg": "`alg` is unknown, or not for a key of this type and curve",
    "no_public_key": "the numbers of the key are missing",
    "malformed": "a member has the wrong type, or the numbers make no key",
    "weak": "the numbers make a key that can be broken, or that verifies what it did not sign",
    "costly": "one check by this key takes longer than allowed",
    "private_key_published": "the issuer published its private key",
    "too_many": "the set has over 1,000 members",
    "distrusted": "distrusted by this process",
}
"""Every reason for which a member is skipped."""
REFUSED = frozenset(("private_key_published", "distrusted"))
"""Reasons that no newer answer mends."""


class UnusableKey(Exception):
    """A member that cannot be used; says why."""

    def __init__(self, reason: str, detail: str = "", thumbprint: str | None = None) -> None:
        self.reason, self.detail, self.thumbprint = reason, detail or SKIP_REASONS[reason], thumbprint


class Skipped(NamedTuple):
    """A member that was skipped. `reason` is a word of `SKIP_REASONS`."""

    kid: str | None
    reason: str
    detail: str
    thumbprint: str | None = None


def skipped(kid: str | None, unusable: UnusableKey) -> Skipped:
    """What is kept of a member that was skipped: its name, cut to a length, and why."""
    if kid is not None and len(kid) > MAX_NAME:
        kid = f"{kid[:MAX_NAME]}..."
    return Skipped(kid, unusable.reason, unusable.detail, unusable.thumbprint)

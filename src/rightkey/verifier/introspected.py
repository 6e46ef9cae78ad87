"""The path of an opaque token, told step by step: its issuer was asked, and no key was needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rightkey.verdict.verified import Verified
from rightkey.verifier.explaining import STEPS, Explanation, Step, ended, step_of

if TYPE_CHECKING:
    from rightkey.errors import RightkeyError
    from rightkey.verdict.attempt import Demands

_NEEDLESS = frozenset(("algorithm", "metadata", "keys", "key", "signature", "certificate"))


def explain_opaque(outcome: Verified | RightkeyError, demands: Demands) -> Explanation:
    """Tell the path of an opaque token whose outcome is known.

    Args:
        outcome: what `verify` returned or raised.
        demands: what the call demanded beyond the trust.
    """
    made = tuple(_made(outcome, demands))
    if not isinstance(outcome, Verified):
        return Explanation(ended(made, outcome), error=outcome)
    by_name = {step.step: step for step in made}
    names = (*STEPS, "introspection", "proof")
    return Explanation(tuple(by_name[name] for name in names if name in by_name), verified=outcome)


def _made(outcome: Verified | RightkeyError, demands: Demands) -> Iterator[Step]:
    """The steps that were taken before the one that failed, if one did."""
    yield Step("token", "ok", "no JWT: its issuer is asked about it")
    for name in STEPS:
        if name in _NEEDLESS:
            yield Step(name, "skipped", "not needed for an opaque token")
    failed = None if isinstance(outcome, Verified) else step_of(outcome)
    if failed == "introspection":
        return
    yield Step("introspection", "ok", "the issuer says that the token is active")
    if failed == "claims":
        return
    claims = outcome.claims if isinstance(outcome, Verified) else {}
    yield Step("claims", "ok", "issuer, audience, times and kind are as required", {"claims": claims})
    if failed == "requirements":
        return
    yield Step("requirements", "ok", "granted")
    if failed is None and demands.presented is not None and demands.presented.by_dpop:
        yield Step("proof", "ok", "DPoP, by the key that the token is bound to")

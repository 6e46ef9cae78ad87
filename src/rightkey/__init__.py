"""The right key for every token: find an issuer's signing keys, and verify its tokens.

    import rightkey

    verifier = rightkey.Verifier("tenant.eu.auth0.com", audience="https://api.example.com")
    token = verifier.verify(raw)            # raises rightkey.TokenRejected or rightkey.IssuerUnavailable
    token.subject, token.scopes, token.claims["sub"]
    token.require("read:appointments")      # raises rightkey.InsufficientScope

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "verifier.tasks": ("AsyncVerifier",),
    "jose.algorithms": ("SAFE",),
    "jose.certificate": ("Certificate", "Certificates"),
    "errors": (
        "Failure",
        "InsufficientScope",
        "IssuerFault",
        "IssuerMisbehaved",
        "IssuerUnavailable",
        "Misconfigured",
        "RequestMalformed",
        "RightkeyError",
        "TokenRejected",
    ),
    "verifier.explaining": ("Explanation", "Step"),
    "freshness.settings": ("Freshness",),
    "jose.key": ("Key",),
    "jose.keyset": ("KeySet",),
    "jose.skipped": ("Skipped",),
    "verifier.locate": ("Provider", "locate", "locate_async"),
    "requirements": ("all_of", "any_of", "claim", "group", "permission", "role", "scope"),
    "jose.jws": ("Jws", "verify_jws"),
    "verifier.threads": ("Verifier",),
    "transport.credentials": ("Credentials",),
    "transport.default": ("DefaultTransport",),
    "transport.guard": ("GuardedTransport",),
    "kubernetes": ("Kubernetes",),
    "policy.presented": ("Presented",),
    "policy.trust": ("ANY", "FirstOf", "Trust"),
    "proof.settings": ("DPoP",),
    "freshness.status": ("Status",),
    "policy.introspection": ("Introspection",),
    "verdict.denylist": ("Denylist",),
    "verdict.verified": ("Typed", "Verified"),
    "version": ("__version__",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ANY",
    "SAFE",
    "AsyncVerifier",
    "Certificate",
    "Certificates",
    "Credentials",
    "DPoP",
    "DefaultTransport",
    "Denylist",
    "Explanation",
    "Failure",
    "FirstOf",
    "Freshness",
    "GuardedTransport",
    "InsufficientScope",
    "Introspection",
    "IssuerFault",
    "IssuerMisbehaved",
    "IssuerUnavailable",
    "Jws",
    "Key",
    "KeySet",
    "Kubernetes",
    "Misconfigured",
    "Presented",
    "Provider",
    "RequestMalformed",
    "RightkeyError",
    "Skipped",
    "Status",
    "Step",
    "TokenRejected",
    "Trust",
    "Typed",
    "Verified",
    "Verifier",
    "__version__",
    "all_of",
    "any_of",
    "claim",
    "group",
    "locate",
    "locate_async",
    "permission",
    "role",
    "scope",
    "verify_jws",
]

if TYPE_CHECKING:
    from rightkey.errors import Failure as Failure
    from rightkey.errors import InsufficientScope as InsufficientScope
    from rightkey.errors import IssuerFault as IssuerFault
    from rightkey.errors import IssuerMisbehaved as IssuerMisbehaved
    from rightkey.errors import IssuerUnavailable as IssuerUnavailable
    from rightkey.errors import Misconfigured as Misconfigured
    from rightkey.errors import RequestMalformed as RequestMalformed
    from rightkey.errors import RightkeyError as RightkeyError
    from rightkey.errors import TokenRejected as TokenRejected
    from rightkey.freshness.settings import Freshness as Freshness
    from rightkey.freshness.status import Status as Status
    from rightkey.jose.algorithms import SAFE as SAFE
    from rightkey.jose.certificate import Certificate as Certificate
    from rightkey.jose.certificate import Certificates as Certificates
    from rightkey.jose.jws import Jws as Jws
    from rightkey.jose.jws import verify_jws as verify_jws
    from rightkey.jose.key import Key as Key
    from rightkey.jose.keyset import KeySet as KeySet
    from rightkey.jose.skipped import Skipped as Skipped
    from rightkey.kubernetes import Kubernetes as Kubernetes
    from rightkey.policy.introspection import Introspection as Introspection
    from rightkey.policy.presented import Presented as Presented
    from rightkey.policy.trust import ANY as ANY
    from rightkey.policy.trust import FirstOf as FirstOf
    from rightkey.policy.trust import Trust as Trust
    from rightkey.proof.settings import DPoP as DPoP
    from rightkey.requirements import all_of as all_of
    from rightkey.requirements import any_of as any_of
    from rightkey.requirements import claim as claim
    from rightkey.requirements import group as group
    from rightkey.requirements import permission as permission
    from rightkey.requirements import role as role
    from rightkey.requirements import scope as scope
    from rightkey.transport.credentials import Credentials as Credentials
    from rightkey.transport.default import DefaultTransport as DefaultTransport
    from rightkey.transport.guard import GuardedTransport as GuardedTransport
    from rightkey.verdict.denylist import Denylist as Denylist
    from rightkey.verdict.verified import Typed as Typed
    from rightkey.verdict.verified import Verified as Verified
    from rightkey.verifier.explaining import Explanation as Explanation
    from rightkey.verifier.explaining import Step as Step
    from rightkey.verifier.locate import Provider as Provider
    from rightkey.verifier.locate import locate as locate
    from rightkey.verifier.locate import locate_async as locate_async
    from rightkey.verifier.tasks import AsyncVerifier as AsyncVerifier
    from rightkey.verifier.threads import Verifier as Verifier
    from rightkey.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

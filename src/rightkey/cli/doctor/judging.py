"""The table of checks, and how an examination becomes findings. Nothing here sends a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rightkey.cli.doctor import field, keys, metadata, serving
from rightkey.cli.doctor.findings import SEVERITIES, Examination, Finding, Trouble
from rightkey.cli.errors import ways_out
from rightkey.policy.claims import MILLISECONDS


class Check(NamedTuple):
    """One check, and where its rule stands."""

    name: str
    judge: Callable[[Examination], Iterator[Trouble]]
    reference: str


def token(seen: Examination) -> Iterator[Trouble]:
    """A token that was given must verify, and its times must be in seconds: verifiers take them so, and by an
    `exp` in milliseconds it never ends."""
    error = seen.token_error
    if error is not None:
        yield Trouble("error", f"the token is refused: {error}", "; ".join(ways_out(error)) or None)
    for name in ("exp", "iat", "auth_time"):
        time = seen.token_claims.get(name)
        if isinstance(time, int | float) and time > MILLISECONDS:
            told, hint = f"the token's {name} is in milliseconds", "have the issuer write seconds"
            yield Trouble("error" if name == "exp" else "warning", told, hint)


CHECKS = (
    Check("answered", metadata.answered, "OpenID Connect Discovery 1.0, section 4"),
    Check("redirects", metadata.redirects, "RFC 9700, section 4.11"),
    Check("metadata", metadata.readable, "RFC 8414, section 3.2"),
    Check("issuer", metadata.issuer_matches, "RFC 8414, section 3.3"),
    Check("well-known", metadata.well_known, "RFC 8414, section 5"),
    Check("https", metadata.https, "RFC 8414, section 2"),
    Check("tls", metadata.tls_end, "RFC 5280, section 4.1.2.5"),
    Check("origin", metadata.other_origin, "OpenID Connect Discovery 1.0, section 3"),
    Check("members", metadata.required_members, "OpenID Connect Discovery 1.0, section 3"),
    Check("algorithms", metadata.algorithms_stated, "RFC 8725, section 3.1"),
    Check("ipv6", metadata.ipv6, "RFC 6540"),
    Check("key-set", keys.readable, "RFC 7517, section 5"),
    Check("keys", keys.usable, "RFC 7517, section 5"),
    Check("skipped", keys.skipped, "RFC 7517, section 5"),
    Check("next-key", keys.next_key, "OpenID Connect Core 1.0, section 10.1.1"),
    Check("kid", keys.key_ids, "RFC 7517, section 4.5"),
    Check("certificate", keys.certificates, "RFC 7517, section 4.7"),
    Check("caching", serving.caching, "RFC 9111, section 5.2.2.1"),
    Check("rotation", serving.next_key_in_time, "OpenID Connect Core 1.0, section 10.1.1"),
    Check("revalidation", serving.revalidation, "RFC 9110, section 13.1.2"),
    Check("rate-limit", serving.rate_limits, "RFC 6585, section 4"),
    Check("content-type", serving.content_types, "RFC 7517, section 8.5.2"),
    Check("clock", serving.clock, "RFC 7519, section 4.1.4"),
    Check("speed", serving.speed, "docs/freshness.md"),
    Check("size", serving.size, "docs/freshness.md"),
    Check("field", field.breaks, "docs/benchmarks/README.md"),
    Check("token", token, "RFC 7519, section 7.2"),
)
"""Every check, in the order in which a verifier would stumble."""


def findings(seen: Examination) -> tuple[Finding, ...]:
    """What the checks found, the worst first."""
    found = [
        Finding(check.name, trouble.severity, trouble.message, trouble.hint, check.reference)
        for check in CHECKS
        for trouble in check.judge(seen)
    ]
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))

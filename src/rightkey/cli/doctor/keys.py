"""Checks of a key set (RFC 7517): what can be used, what was skipped, and the next key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rightkey.cli.doctor.findings import Examination, Severity, Trouble
from rightkey.cli.doctor.metadata import DAY
from rightkey.errors import IssuerFault
from rightkey.jose.key import shown
from rightkey.jose.keyset import KeySet
from rightkey.jose.skipped import Skipped

_BENIGN = frozenset(("not_for_signatures", "not_to_verify", "encryption_alg"))
_WAY_OUT = {
    "private_key_published": "this key is burnt: withdraw it now, and never use it again",
    "weak": "replace it by an RSA key of 2048 to 8192 bits, or an elliptic curve",
    "symmetric": "remove it: a shared secret must not be published",
    "unusable_alg": "give it an alg that fits its type and curve",
}


def readable(seen: Examination) -> Iterator[Trouble]:
    """The key set must be a JSON object with an array of keys."""
    fault = seen.keys
    if isinstance(fault, IssuerFault) and fault.code == "keyset_invalid":
        yield Trouble("error", str(fault), fault.hint or "serve a JWK Set (RFC 7517, section 5)")


def usable(seen: Examination) -> Iterator[Trouble]:
    """At least one key must be able to verify a signature."""
    if isinstance(seen.keys, KeySet) and not seen.keys:
        yield Trouble("error", "no key of the set can verify a signature", "publish the key that signs")


def skipped(seen: Examination) -> Iterator[Trouble]:
    """What a verifier skips, and why. Keys for encryption may be there; others are of no use."""
    for one in seen.usable.skipped:
        yield Trouble(
            _severity(one),
            f"key {_name(one.kid)} is skipped: {one.detail}",
            _WAY_OUT.get(one.reason, "mend it or remove it"),
        )


def next_key(seen: Examination) -> Iterator[Trouble]:
    """A key should be published before it signs (OpenID Connect Core 1.0, section 10.1.1)."""
    if len(seen.usable) == 1:
        yield Trouble(
            "warning",
            "there is no next key: each rotation is a surprise to every verifier that caches",
            "publish the next key at least one cache life before it signs",
        )


def key_ids(seen: Examination) -> Iterator[Trouble]:
    """Each key should have a `kid` of its own (RFC 7517, section 4.5)."""
    by_kid = defaultdict(set)
    for key in seen.usable:
        by_kid[key.kid].add(key.thumbprint)
    for kid, thumbprints in by_kid.items():
        if kid is None:
            yield Trouble("warning", "a key has no kid: verifiers must guess", "give each key its own kid")
        elif len(thumbprints) > 1:
            yield Trouble(
                "warning",
                f"{len(thumbprints)} keys share the kid {shown(kid)}",
                "most verifiers try one of them, and refuse what the other signed: give each its own",
            )


def certificates(seen: Examination) -> Iterator[Trouble]:
    """A certificate beside a key must be for that key; its dates are shown, not judged by default."""
    began = seen.exchanges[0].began if seen.exchanges else 0.0
    for key in seen.usable:
        name = _name(key.kid)
        if key.certificate_fault == "mismatch":
            yield Trouble(
                "error",
                f"the certificate of key {name} is for another key: tokens that it signs are refused",
                "publish the certificate that was made for it, or none",
            )
        elif key.certificate_fault is not None:
            yield Trouble(
                "warning", f"the certificate of key {name} cannot be read", "publish it again, or none"
            )
        elif key.certificate is not None and not key.certificate.covers(began):
            dates = f"{key.certificate.not_before:%Y-%m-%d} to {key.certificate.not_after:%Y-%m-%d}"
            yield Trouble(
                "warning",
                f"the certificate of key {name} is outside its dates, {dates}",
                "renew it: verifiers that look at dates refuse it",
            )
        elif key.certificate is not None and not key.certificate.covers(began + 30 * DAY):
            yield Trouble(
                "note", f"the certificate of key {name} ends within 30 days", "rotate to the next key in time"
            )


def _severity(one: Skipped) -> Severity:
    if one.reason == "private_key_published":
        return "error"
    return "note" if one.reason in _BENIGN else "warning"


def _name(kid: str | None) -> str:
    return "without kid" if kid is None else shown(kid)

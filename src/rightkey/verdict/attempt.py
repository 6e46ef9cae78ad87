"""The whole path from a token to a verdict, as one pure function of the keys held and the time.

Claims are judged before the signature and before any request: a token that has expired, or is meant for
another service, costs neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from rightkey.errors import Failure, TokenRejected
from rightkey.issuer.spelling import near_hint, place_hint
from rightkey.jose import strictjson
from rightkey.jose.jws import (
    MAX_TRIED,
    Header,
    Unverified,
    holds_a_token,
    is_by,
    key_not_found,
    malformed,
    read,
    require_allowed,
    signature_hint,
    signature_invalid,
)
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.policy import claims as registered
from rightkey.policy.confirmation import require_sender
from rightkey.policy.profiles import Evidence
from rightkey.policy.trust import Trust
from rightkey.verdict.held import OPAQUE, Held, NeedsNewer
from rightkey.verdict.memory import Entry, Memory
from rightkey.verdict.verified import Verified, require

if TYPE_CHECKING:
    from rightkey.issuer.vendor import Vendor
    from rightkey.policy.presented import Presented
    from rightkey.requirements import AllOf


@dataclass(slots=True, repr=False)  # a named tuple takes twice as long to make and to read
class Demands:
    """What one call demands beyond the trust."""

    require: AllOf | None = None
    nonce: str | None = None
    access_token: str | None = None
    max_age: float | None = None
    presented: Presented | None = None

    def __repr__(self) -> str:  # it holds a token and a nonce
        return f"Demands(require={self.require!r}, max_age={self.max_age!r})"

    @property
    def of_claims(self) -> bool:
        """Whether claims that passed before may not pass this call."""
        return self.nonce is not None or self.access_token is not None or self.max_age is not None

    @property
    def judged_with_claims(self) -> bool:
        """Whether what passed before must be judged again: the claims, or who may use the token."""
        return self.of_claims or self.presented is not None


NO_DEMANDS = Demands()
MAX_NEWER = 4
"""How many newly fetched keys are tried on one token."""


def attempt(
    trust: Trust,
    raw: str | bytes,
    held: Held,
    now: float,
    demands: Demands = NO_DEMANDS,
    memory: Memory | None = None,
    before: NeedsNewer | None = None,
) -> Verified | NeedsNewer:
    """Judge a token by the keys held, at `now`, a Unix time in seconds.

    Args:
        demands: what this call demands beyond the trust.
        memory: tokens verified before.
        before: what was needed when it was judged by older keys: those that failed then are not tried again.

    Raises:
        TokenRejected, InsufficientScope: the verdict.
    """
    keys, expected = held.keys, held.expected
    entry = memory.recall(raw, keys) if memory is not None and keys is not None else None
    if entry is not None and entry.trust is trust and (key := entry.signer()) is not None:  # remembered
        claims, header = entry.payload.read(), entry.header
        settled = entry.since <= now < entry.until and entry.expected == expected
        if not settled or (demands is not NO_DEMANDS and demands.judged_with_claims):
            _judge_again(trust, entry, claims, expected, now, demands)
        if key.certificate_fault is not None or trust.certificate_policy is not None:  # else nothing to judge
            _judge_certificate(trust, key, now)
        token = Verified(claims, key, header, trust.places)
    else:
        read_anew = _judged(trust, raw, held, now, demands, memory, before)
        if type(read_anew) is NeedsNewer:
            return read_anew
        claims, token = read_anew.claims, read_anew
    if trust.requirement is not None:
        require(claims, trust.requirement, trust.places)
    if demands is not NO_DEMANDS and demands.require is not None:
        require(claims, demands.require, trust.places)
    return token


def _judged(
    trust: Trust,
    raw: str | bytes,
    held: Held,
    now: float,
    demands: Demands,
    memory: Memory | None,
    before: NeedsNewer | None,
) -> Verified | NeedsNewer:
    """A token that is not remembered: read, judged, its signature checked, and remembered."""
    keys, expected = held.keys, held.expected
    if trust.introspection is not None and trust.introspection.takes(raw):
        return NeedsNewer("opaque", OPAQUE)
    unverified = read(raw, None if memory is None else memory.headers, padded=trust.compiled.padded)
    header = unverified.header
    require_allowed(header, trust.allowed)
    claims = _claims(unverified.payload, header)
    judge_claims(trust, header, claims, expected, now, demands)
    if keys is None:
        return NeedsNewer("no_keys", header)
    key = _signer(trust, unverified, claims, keys, now, before)
    if type(key) is NeedsNewer:
        return key
    if memory is not None:
        if unverified.segment not in memory.headers:  # one that is there must not empty a full table
            memory.keep_header(unverified)
        if memory.most:
            since, until = registered.period(_counted_claims(trust, header, claims), trust.leeway)
            payload = strictjson.Repeated(unverified.payload)
            entry = Entry(header, payload, key, keys.mark, since, until, expected, trust)
            if "cnf" in claims:  # never settled: who uses it is judged at every use
                entry.since, entry.bound = inf, since
            memory.keep(raw, entry)
    return Verified(claims, key, header, trust.places)


def _judge_again(
    trust: Trust,
    entry: Entry,
    claims: Mapping[str, Any],
    expected: tuple[str, ...] | None,
    now: float,
    demands: Demands,
) -> None:
    """What a remembered token says of itself, where it may not pass as it did. Of one that is bound to its
    sender, who may use it is judged at every use. Raises as `judge_claims`."""
    if entry.bound <= now < entry.until and entry.expected == expected and not demands.of_claims:
        require_sender(trust.sender, claims, demands.presented)
    else:
        judge_claims(trust, entry.header, claims, expected, now, demands)


def not_trusted(issuer: Any, near: str | None = None) -> TokenRejected:
    """The verdict on a token whose issuer is not trusted.

    Args:
        issuer: what it says of its `iss`.
        near: one that is trusted, and may differ from it in its spelling alone.
    """
    return _not_trusted(registered.issuer_failure({"iss": issuer}, ()), () if near is None else (near,))


def judge_claims(
    trust: Trust,
    header: Header,
    claims: Mapping[str, Any],
    expected: tuple[str, ...] | None,
    now: float,
    demands: Demands = NO_DEMANDS,
) -> None:
    """Judge everything that the token says of itself. `expected` is what metadata say of its `iss`.

    Raises:
        TokenRejected: `issuer_not_trusted`; or `claims_rejected`, with every failure; or `proof_rejected`.
    """
    vendor = trust.vendor
    if trust.compiled.claims_elsewhere:
        claims = _counted_claims(trust, header, claims)
    _judge_issuer(trust, claims, expected or trust.expected)
    failures = registered.failures(
        claims,
        now,
        trust.leeway,
        exp_required=trust.require_exp,
        audience=trust.audiences,
        client=None if vendor is None else vendor.client,
    )
    if vendor is not None and vendor.required_claims:
        failures += vendor.failures(trust.profile, claims)
    types = trust.compiled.types
    if types is not None and header.kind not in types:
        failures.append(trust.kind.type_failure(header.typ))
    if trust.compiled.judges or demands is not NO_DEMANDS or "events" in claims:
        since = None if demands.max_age is None else now - demands.max_age - trust.leeway
        evidence = Evidence(header.alg, claims, trust.audiences, demands.nonce, demands.access_token, since)
        failures += trust.kind.failures(evidence)
    if failures:
        told = _first_of_each_claim(failures)
        raise registered.rejected(told, registered.hint_of(told, claims, vendor))
    require_sender(trust.sender, claims, demands.presented)


def _judge_issuer(trust: Trust, claims: Mapping[str, Any], spellings: tuple[str, ...] | None) -> None:
    if spellings is None:
        return
    vendor = trust.vendor
    # A form with a hole in it is no spelling: a token that quotes it is not the issuer's.
    if vendor is not None and vendor.by_form:
        issued = vendor.issued(spellings, claims)
    else:
        issued = claims.get("iss") in spellings
    if not issued:
        raise _not_trusted(registered.issuer_failure(claims, spellings), spellings, vendor)


def _counted_claims(trust: Trust, header: Header, claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims as they count, at a provider that states some of them in the header."""
    return trust.vendor.counted_claims(header.members, claims) if trust.vendor else claims


def _claims(payload: bytes, header: Header) -> dict[str, Any]:
    if holds_a_token(header):
        raise malformed("it holds another token (cty), and nested tokens are not read")
    try:
        return strictjson.read_object(payload)
    except strictjson.NotJson as error:
        raise malformed(f"its payload is refused: {error}") from None


def _may_sign(trust: Trust, key: Key, claims: Mapping[str, Any]) -> bool:
    """Whether the key is for tokens of this tenant, at a provider whose keys name theirs."""
    return trust.vendor is None or trust.vendor.signs(key.issuer, claims)


def _signer(
    trust: Trust,
    unverified: Unverified,
    claims: Mapping[str, Any],
    keys: KeySet,
    now: float,
    before: NeedsNewer | None,
) -> Key | NeedsNewer:
    """The key that signed the token, with a certificate as the policy has it."""
    header = unverified.header
    fitting = keys.fitting(header)
    if trust.compiled.of_tenants:
        fitting = tuple(key for key in fitting if _may_sign(trust, key, claims))
    if not fitting:
        if keys.names_refused(header):
            raise key_not_found(header)
        return NeedsNewer("nothing_fits", header, key_not_found(header))
    refused: TokenRejected | None = None
    tried, limit = (before.tried, MAX_NEWER) if before is not None else ((), MAX_TRIED)
    untried = [key for key in fitting if key not in tried] if tried else fitting
    for key in untried[:limit]:
        if is_by(key, unverified):
            try:
                _judge_certificate(trust, key, now)
            except TokenRejected as error:
                refused = error
            else:
                return key
    if refused is not None:
        raise refused
    invalid = signature_invalid(header, signature_hint(unverified, fitting[0]))
    if trust.vendor is not None:
        invalid.hint = trust.vendor.hint_for(*header.members) or invalid.hint
    return NeedsNewer("signature", header, invalid, fitting)


def _judge_certificate(trust: Trust, key: Key, now: float) -> None:
    if trust.matched and key.certificate_fault == "mismatch":
        raise _certificate_rejected(
            "the key set's certificate is for another key than the one it stands beside"
        )
    policy = trust.certificate_policy
    fault = policy.fault(key.certificate, now) if policy is not None else None
    if fault:
        raise _certificate_rejected(fault)


def _first_of_each_claim(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """One failure a claim, the first: what is missing need not be told as malformed too."""
    return tuple({failure.claim: failure for failure in reversed([*failures])}.values())[::-1]


def _not_trusted(failure: Failure, expected: Sequence[str], vendor: Vendor | None = None) -> TokenRejected:
    message, hint = "the token names no issuer", None
    if isinstance(failure.got, str):
        message = f"the token is from issuer {failure.got[:200]!a}, which is not trusted"
        hint = _issuer_hint(failure.got, expected, vendor) if expected else None
    elif failure.reason == "malformed":
        message = "the token's issuer is not a string"
    return TokenRejected("issuer_not_trusted", message, hint=hint, failures=(failure,))


def _issuer_hint(iss: str, expected: Sequence[str], vendor: Vendor | None) -> str | None:
    """In what an `iss` differs from those that are trusted, where that tells what to do."""
    hint = near_hint(iss, expected, "the issuer trusted is")
    hint = hint or (vendor.hint(iss) if vendor else None)
    return hint or place_hint(iss, expected)


def _certificate_rejected(why: str) -> TokenRejected:
    return TokenRejected("certificate_rejected", f"the key's certificate does not satisfy the policy: {why}")

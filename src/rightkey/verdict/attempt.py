"""The whole path from a token to a verdict, as one pure function of the keys held and the time.

Claims are judged before the signature, and before anything is asked of anybody: a token that has expired
or is meant for someone else costs neither a signature check nor a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rightkey.errors import Failure, TokenRejected
from rightkey.issuer.name import slash_hint
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
    read_payload,
    require_allowed,
    signature_invalid,
)
from rightkey.jose.key import Key
from rightkey.jose.keyset import KeySet
from rightkey.policy import claims as registered
from rightkey.policy.confirmation import require_sender
from rightkey.policy.profiles import Presented
from rightkey.policy.trust import Trust
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.memory import Entry, Memory
from rightkey.verdict.verified import Verified, require

if TYPE_CHECKING:
    from rightkey.issuer.vendor import Vendor
    from rightkey.requirements import AllOf


class Asked(NamedTuple):
    """What one call asks beyond the trust."""

    require: AllOf | None = None
    nonce: str | None = None
    access_token: str | None = None
    max_age: float | None = None


PLAIN = Asked()


def attempt(
    trust: Trust,
    raw: str | bytes,
    held: Held,
    now: float,
    asked: Asked = PLAIN,
    memory: Memory | None = None,
    limit: int = MAX_TRIED,
    tried: tuple[Key, ...] = (),
) -> Verified:
    """Judge a token by the keys held.

    Args:
        trust: whose tokens are taken, and what they must be.
        raw: the token.
        held: the keys, and the issuer's spelling where it is known.
        now: the time, as a Unix time in seconds.
        asked: what this call asks beyond.
        memory: tokens verified before.
        limit: how many keys are tried on the signature.
        tried: keys that were, and failed.

    Raises:
        TokenRejected: the verdict.
        NeedsNewer: newer keys may mend it.
    """
    keys, expected = held
    entry = memory.recall(raw, keys) if memory is not None and keys is not None else None
    if entry is not None and entry.trust is trust:
        header, key = entry.header, entry.key
        claims = entry.payload.read()
        if asked is not PLAIN or not entry.since <= now < entry.until or entry.expected != expected:
            judge_claims(trust, header, claims, expected, now, asked)
        if key.certificate_fault is not None or trust.certificate_policy is not None:  # else nothing to judge
            _judge_certificate(trust, key, now)
    else:
        unverified = read(raw, None if memory is None else memory.headers, padded=trust.compiled.padded)
        header = unverified.header
        require_allowed(header, trust.allowed)
        claims = _claims(unverified.payload, header)
        judge_claims(trust, header, claims, expected, now, asked)
        if keys is None:
            raise NeedsNewer("no_keys", header, None)
        key = _signer(trust, unverified, claims, keys, now, limit, tried)
        if memory is not None:
            if unverified.segment not in memory.headers:
                memory.keep_header(unverified)
            if memory.most:
                since, until = registered.period(_stated(trust, header, claims), trust.leeway)
                payload = strictjson.Repeated(unverified.payload)
                entry = Entry(header, payload, key, keys, since, until, expected, trust)
                memory.keep(raw, entry)
    if trust.requirement is not None:
        require(claims, trust.requirement, trust.compiled.places)
    if asked is not PLAIN and asked.require is not None:
        require(claims, asked.require, trust.compiled.places)
    return Verified(claims, key, header, _places=trust.compiled.places)


def issuer_of(raw: str | bytes) -> tuple[Any, dict[str, Any]]:
    """Whose token it says it is, and all that it says: nothing of it is known to be true.

    Raises:
        TokenRejected: `token_missing`, `token_malformed`.
    """
    try:
        claims = strictjson.read_object(read_payload(raw))
    except strictjson.NotJson as error:
        raise malformed(f"its payload is refused: {error}") from None
    return claims.get("iss"), claims


def foreign(issuer: Any) -> TokenRejected:
    """The verdict on a token of an issuer that nobody trusts."""
    return _not_trusted(registered.issuer_failure({"iss": issuer}, ()), None)


def judge_claims(
    trust: Trust,
    header: Header,
    claims: Mapping[str, Any],
    expected: tuple[str, ...] | None,
    now: float,
    asked: Asked = PLAIN,
) -> None:
    """Judge everything that the token says of itself. `expected` is what metadata say of its `iss`.

    Raises:
        TokenRejected: `issuer_not_trusted`; or `claims_rejected`, with every failure; or `proof_rejected`.
    """
    vendor = trust.vendor
    if trust.compiled.padded:
        claims = _stated(trust, header, claims)
    spellings = expected or trust.expected
    if spellings is not None:
        # A form with a hole in it is no spelling: a token that quotes it is nobody's.
        if vendor is not None and vendor.by_form:
            issued = vendor.issued(spellings, claims)
        else:
            issued = claims.get("iss") in spellings
        if not issued:
            raise _not_trusted(registered.issuer_failure(claims, spellings), vendor)
    failures = registered.failures(
        claims,
        now,
        trust.leeway,
        exp_required=trust.require_exp,
        audience=trust.audiences,
        client=None if vendor is None else vendor.client,
    )
    if vendor is not None and vendor.asks:
        failures += vendor.failures(trust.profile, claims)
    if trust.compiled.types is not None and header.kind not in trust.compiled.types:
        failures.append(trust.kind.type_failure(header.typ))
    if trust.compiled.judges or asked is not PLAIN or "events" in claims:
        since = None if asked.max_age is None else now - asked.max_age - trust.leeway
        presented = Presented(header.alg, claims, trust.audiences, asked.nonce, asked.access_token, since)
        failures += trust.kind.failures(presented)
    if failures:
        raise registered.rejected(_each_once(failures))
    require_sender(trust.sender, claims)


def _stated(trust: Trust, header: Header, claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims as they count, at a provider that states some of them in the header."""
    return trust.vendor.stated_in(header.members, claims) if trust.vendor else claims


def _claims(payload: bytes, header: Header) -> dict[str, Any]:
    if holds_a_token(header):
        raise malformed("it holds another token (cty), and nested tokens are not read")
    try:
        return strictjson.read_object(payload)
    except strictjson.NotJson as error:
        raise malformed(f"its payload is refused: {error}") from None


def _may_sign(trust: Trust, key: Key, claims: Mapping[str, Any]) -> bool:
    """Whether the key is for tokens of this tenant, at a provider whose keys name theirs."""
    return trust.vendor is None or trust.vendor.signs(key.jwk.get("issuer"), claims)


def _signer(
    trust: Trust,
    unverified: Unverified,
    claims: Mapping[str, Any],
    keys: KeySet,
    now: float,
    limit: int,
    tried: tuple[Key, ...],
) -> Key:
    """The key that signed the token, with a certificate as the policy has it."""
    header = unverified.header
    fitting = keys.fitting(header)
    if trust.compiled.of_tenants:
        fitting = tuple(key for key in fitting if _may_sign(trust, key, claims))
    if not fitting:
        if keys.names_skipped(header):
            raise key_not_found(header)
        raise NeedsNewer("nothing_fits", header, key_not_found(header))
    refused: TokenRejected | None = None
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
    raise NeedsNewer("signature", header, signature_invalid(header), fitting)


def _judge_certificate(trust: Trust, key: Key, now: float) -> None:
    if trust.matched and key.certificate_fault == "mismatch":
        raise _certificate_rejected(
            "the key set's certificate is for another key than the one it stands beside"
        )
    policy = trust.certificate_policy
    fault = policy.fault(key.certificate, now) if policy is not None else None
    if fault:
        raise _certificate_rejected(fault)


def _each_once(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """One failure a claim, the first: what is missing need not be told as malformed too."""
    return tuple({failure.claim: failure for failure in reversed([*failures])}.values())[::-1]


def _not_trusted(failure: Failure, vendor: Vendor | None) -> TokenRejected:
    message = "the token names no issuer"
    hint = None
    if isinstance(failure.got, str):
        message = f"the token is of issuer {failure.got[:200]!a}, which is not trusted"
        hint = slash_hint(failure.got, failure.expected, "the issuer trusted is")
        hint = hint or (vendor.hint(failure.got) if vendor else None)
    elif failure.reason == "malformed":
        message = "the token's issuer is not a string"
    return TokenRejected("issuer_not_trusted", message, hint=hint, failures=(failure,))


def _certificate_rejected(why: str) -> TokenRejected:
    return TokenRejected("certificate_rejected", f"the key's certificate does not satisfy the policy: {why}")

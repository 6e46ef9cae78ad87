"""Table: which of several fixed issuers a token is from, at a cost that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rightkey.errors import Misconfigured, TokenRejected, quoted
from rightkey.issuer.forms import Forms
from rightkey.issuer.spelling import key_of
from rightkey.issuer.vendor import Vendor
from rightkey.jose import strictjson
from rightkey.jose.jws import malformed, read, read_payload
from rightkey.policy.trust import ANY
from rightkey.verdict.attempt import not_trusted
from rightkey.verdict.memory import Memory
from rightkey.verifier.one import TrustedIssuer


class Table:
    """Issuers by each exact spelling of `iss`, and those of many tenants by the form of `iss`.

    Raises:
        Misconfigured: two for one issuer, one without an issuer, or two that are asked about opaque tokens.
    """

    def __init__(self, fixed: tuple[TrustedIssuer, ...], memory: Memory) -> None:
        self.fixed = fixed
        self._memory = memory
        self._by_trust = {id(one.trust): one for one in fixed}
        self._by_spelling = _by_spelling(fixed)
        self._by_key = {key_of(spelling): spelling for spelling in self._by_spelling}
        self._forms = Forms((one.trust.vendor, one.trust.expected or (), one) for one in fixed)
        vendors = [one.trust.vendor for one in fixed if one.trust.vendor is not None]
        self._padded = next((vendor for vendor in vendors if vendor.padded), None)
        self._of_subject = next((vendor for vendor in vendors if vendor.of_subject), None)
        self._opaque = _issuer_of_opaque(fixed)

    def issuer_of(self, raw: str | bytes) -> TrustedIssuer:
        """The issuer of a token.

        Raises:
            TokenRejected: `token_missing`, `token_malformed`, `issuer_not_trusted`.
        """
        # A token seen before says whose it is without being decoded: a third of the time.
        entry = self._memory.entry(raw)
        if entry is not None and (known := self._by_trust.get(id(entry.trust))) is not None:
            return known
        if self._opaque is not None and self._opaque.takes_opaque(raw):
            return self._opaque
        issuer, claims = stated_issuer(raw, padded=self._padded is not None)
        signer = None if self._padded is None else signer_of(self._padded, raw)
        if signer in self._by_spelling:
            return self._by_spelling[signer]
        one = self._by_spelling.get(issuer) if isinstance(issuer, str) else None
        one = one or self._forms.owner(claims)
        if one is None and self._of_subject is not None:
            one = self._by_spelling.get(domain_of(self._of_subject, claims))
        if one is None:
            raise not_trusted(issuer, self._by_key.get(key_of(issuer)) if isinstance(issuer, str) else None)
        return one


def stated_issuer(raw: str | bytes, *, padded: bool = False) -> tuple[Any, dict[str, Any]]:
    """Whose token it says it is, and all that it says: none of it is known to be true.

    Raises:
        TokenRejected: `token_missing`, `token_malformed`.
    """
    try:
        claims = strictjson.read_object(read_payload(raw, padded=padded))
    except strictjson.NotJson as error:
        raise malformed(f"its payload is refused: {error}") from None
    return claims.get("iss"), claims


def signer_of(vendor: Vendor, raw: str | bytes) -> str:
    """Whose token it is, at a provider that states that in the header of its padded tokens; empty where it is
    none of them."""
    try:
        members = read(raw, padded=True).header.members
    except TokenRejected:  # it is spelled as others spell theirs
        return ""
    stated = vendor.counted_claims(members, {}).get("iss")
    return stated if isinstance(stated, str) else ""


def domain_of(vendor: Vendor, claims: Mapping[str, Any]) -> str:
    """The trust domain that its subject is of; empty where that is none."""
    return vendor.counted_claims({}, claims).get("iss") or ""


def _issuer_of_opaque(fixed: Iterable[TrustedIssuer]) -> TrustedIssuer | None:
    """The issuer of all opaque tokens, which name none."""
    introspected = [one for one in fixed if one.trust.introspection is not None]
    if len(introspected) > 1:
        raise Misconfigured(
            "introspection can be that of one of several issuers: an opaque token does not say whose it is"
        )
    return introspected[0] if introspected else None


def _by_spelling(fixed: Iterable[TrustedIssuer]) -> dict[str, TrustedIssuer]:
    found: dict[str, TrustedIssuer] = {}
    for one in fixed:
        trust = one.trust
        if trust.issuer is ANY:
            raise Misconfigured(
                "issuer=rightkey.ANY cannot be one of several issuers: it would take all tokens"
            )
        for spelling in trust.expected or ():
            if found.setdefault(spelling, one) is not one:
                raise _ambiguous(spelling)
    return found


def _ambiguous(spelling: str) -> Misconfigured:
    if "{" in spelling:  # whose the id in a token's `iss` is, only their metadata would tell
        return Misconfigured(
            f"two trusts for tokens of one form of iss, {quoted(spelling)}",
            hint="name each tenant by its id (a GUID), as its tokens do",
        )
    return Misconfigured(
        f"two trusts for one issuer, {quoted(spelling)}", hint="one Trust may have several audiences"
    )

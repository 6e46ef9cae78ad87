"""Table: which of several fixed issuers a token is from, at a cost that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable
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
from rightkey.verifier.one import OneIssuer


class Table:
    """Issuers by each exact spelling of `iss`, and those of many tenants by the form of `iss`.

    Raises:
        Misconfigured: two for one issuer, or one without an issuer.
    """

    def __init__(self, fixed: tuple[OneIssuer, ...], memory: Memory) -> None:
        self.fixed = fixed
        self._memory = memory
        self._by_trust = {id(one.trust): one for one in fixed}
        self._by_spelling = _by_spelling(fixed)
        self._by_key = {key_of(spelling): spelling for spelling in self._by_spelling}
        self._forms = Forms((one.trust.vendor, one.trust.expected or (), one) for one in fixed)
        padded = (one.trust.vendor for one in fixed if one.trust.compiled.padded)
        self._padded: Vendor | None = next(padded, None)

    def issuer_of(self, raw: str | bytes) -> OneIssuer:
        """The issuer of a token.

        Raises:
            TokenRejected: `token_missing`, `token_malformed`, `issuer_not_trusted`.
        """
        # A token seen before says whose it is without being decoded: a third of the time.
        entry = self._memory.entry(raw)
        if entry is not None and (known := self._by_trust.get(id(entry.trust))) is not None:
            return known
        issuer, claims = stated_issuer(raw, padded=self._padded is not None)
        if self._padded is not None:
            issuer = self._signer(self._padded, raw) or issuer
        if not isinstance(issuer, str):
            raise not_trusted(issuer)
        one = self._by_spelling.get(issuer) or self._forms.owner(claims)
        if one is None:
            raise not_trusted(issuer, self._by_key.get(key_of(issuer)))
        return one

    def _signer(self, vendor: Vendor, raw: str | bytes) -> str | None:
        """Whose token it is, at a provider that states that in the header of its padded tokens."""
        try:
            members = read(raw, padded=True).header.members
        except TokenRejected:  # it is spelled as others spell theirs
            return None
        stated = vendor.stated_in(members, {}).get("iss")
        return stated if isinstance(stated, str) and stated in self._by_spelling else None


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


def _by_spelling(fixed: Iterable[OneIssuer]) -> dict[str, OneIssuer]:
    found: dict[str, OneIssuer] = {}
    for one in fixed:
        trust = one.trust
        if trust.issuer is ANY:
            raise Misconfigured(
                "issuer=rightkey.ANY cannot be one of several issuers: it would take all tokens"
            )
        for spelling in trust.expected or ():
            if found.setdefault(spelling, one) is not one:
                raise Misconfigured(
                    f"two trusts for one issuer, {quoted(spelling)}",
                    hint="one Trust may have several audiences",
                )
    return found

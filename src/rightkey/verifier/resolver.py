"""Answers: what a resolver said of issuers, kept for a while and in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rightkey.errors import IssuerUnavailable, Misconfigured
from rightkey.exchange import plain_http_of
from rightkey.issuer.name import Issuer
from rightkey.policy.trust import Trust
from rightkey.verdict.attempt import not_trusted
from rightkey.verdict.recent import Recent

if TYPE_CHECKING:
    from rightkey.verifier.one import Surroundings, TrustedIssuer

MAX_ISSUER = 2048
"""Characters of an `iss` about which a resolver is asked."""
MAX_STRANGERS = 1024
"""Issuers that a resolver did not know, and about which it is not asked again for a while."""
STRANGER_FOR = 60.0
"""Seconds for which a resolver is not asked again about an issuer that it did not know."""


class Answer(NamedTuple):
    """What a resolver said of an issuer, and until when it counts, in `elapsed` seconds."""

    one: TrustedIssuer | None
    until: float


class Answers:
    """What one resolver said.

    Args:
        build: makes an issuer of a trust.
        most: how many trusted issuers are kept.
        trusted_for: seconds for which an answer counts.
    """

    def __init__(
        self,
        build: Callable[[Trust], TrustedIssuer],
        surroundings: Surroundings,
        most: int,
        trusted_for: float,
    ) -> None:
        from rightkey.sources.elapsed import SYSTEM

        self._build, self._trusted_for = build, trusted_for
        self._elapsed = surroundings.elapsed or SYSTEM
        self._stale = surroundings.freshness.stale_if_error
        self._trusted, self._strangers = Recent[Answer](most), Recent[Answer](MAX_STRANGERS)
        self._distrusted: set[str] = set()
        self._plain_http = () if surroundings.transport is None else plain_http_of(surroundings.transport)

    def kept(self, issuer: str) -> TrustedIssuer | None:
        """The issuer, by an answer that counts; None where the resolver must be asked.

        Raises TokenRejected: `issuer_not_trusted`.
        """
        answer = self._trusted.get(issuer) or self._strangers.get(issuer)
        if answer is None or self._elapsed() >= answer.until:
            if answer is None and not _may_be(issuer, self._plain_http):
                raise not_trusted(issuer)
            return None
        if answer.one is None:
            raise not_trusted(issuer)
        return answer.one

    def answered(self, issuer: str, trust: Any) -> TrustedIssuer:
        """The issuer under what the resolver said, which is kept.

        Raises:
            TokenRejected: `issuer_not_trusted`: it knows none.
            IssuerUnavailable: `keys_unavailable`: it said what cannot be used.
        """
        before = self._trusted.get(issuer)
        if trust is None:
            # Strangers apart, so that no flood of them drives out an issuer that is trusted.
            kept = self._strangers if before is None else self._trusted
            kept.put(issuer, Answer(None, self._elapsed() + min(STRANGER_FOR, self._trusted_for)))
            raise not_trusted(issuer)
        one = before.one if before is not None else None
        if one is None or one.trust != trust:
            one = self._new(issuer, trust)
        self._trusted.put(issuer, Answer(one, self._elapsed() + self._trusted_for))
        return one

    def failed(self, issuer: str, error: Exception) -> TrustedIssuer:
        """The issuer that there was before the resolver failed, for as long as keys would be.

        Raises IssuerUnavailable: `keys_unavailable`.
        """
        before = self._trusted.get(issuer)
        if before is None or before.one is None or self._elapsed() >= before.until + self._stale:
            raise _unresolved(issuer, f"raised {type(error).__name__}") from error
        return before.one

    def distrust(self, name: str) -> None:
        """Refuse the keys with this key id or thumbprint, of issuers that are still to come."""
        self._distrusted.add(name)

    def in_use(self) -> list[TrustedIssuer]:
        """The issuers that are kept."""
        return [answer.one for answer in self._trusted.all.values() if answer.one is not None]

    def _new(self, issuer: str, trust: Any) -> TrustedIssuer:
        if not isinstance(trust, Trust) or trust.expected is None:
            raise _unresolved(issuer, "answered with something other than a Trust of that issuer")
        try:
            one = self._build(trust)
        except Misconfigured as error:
            raise _unresolved(issuer, f"answered with a Trust that cannot be used: {error}") from error
        for name in self._distrusted:
            one.refuse(name)
        return one


def _may_be(issuer: str, plain_http: tuple[str, ...]) -> bool:
    """Whether it could be an issuer at all."""
    from rightkey.issuer.providers import of_resource  # with the first token of a resolver

    if len(issuer) > MAX_ISSUER:
        return False
    try:
        return of_resource(issuer) is not None or bool(Issuer.parse(issuer, None, plain_http=plain_http))
    except Misconfigured:
        return False


def _unresolved(issuer: str, why: str) -> IssuerUnavailable:
    message = f"the trust of issuer {issuer[:200]!a} could not be found: the resolver {why}"
    return IssuerUnavailable("keys_unavailable", message, retry_after=1.0)

"""Several issuers behind one verifier: a token's `iss` chooses whose rules and keys count.

Each issuer has its own keys, so that keys never cross. An `iss` that is not trusted causes no request. If
there are more issuers than fit a list, pass a function that finds the trust of one; its answers are kept for
a while, also for issuers that it does not know, and an outage of what it asks refuses no tenant that was
trusted before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from rightkey.errors import Misconfigured
from rightkey.freshness.settings import Freshness
from rightkey.policy.named import by_name
from rightkey.policy.trust import Trust
from rightkey.verdict.attempt import not_trusted
from rightkey.verifier.one import Surroundings, TrustedIssuer, denied_as
from rightkey.verifier.single import memory_of

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.status import Status
    from rightkey.proof.settings import DPoP
    from rightkey.verdict.denylist import Denylist
    from rightkey.verifier.denylist import VerifierDenylist
    from rightkey.verifier.proving import Origin

Resolver: TypeAlias = Callable[[str], Trust | None]
AsyncResolver: TypeAlias = Callable[[str], Awaitable[Trust | None]]


class Several:
    """A verifier of several issuers' tokens. Built by `Verifier.of` and `AsyncVerifier.of`.

    Takes `store`, `store_secret` and `denylist` as a verifier of one issuer does.
    """

    _one: TrustedIssuer | None = None

    @by_name
    def __init__(
        self,
        *trusts: Trust | Resolver | AsyncResolver,
        freshness: Freshness = Freshness(),  # noqa: B008 - a frozen value
        remember: int = 1024,
        transport: Transport | None = None,
        clock: Callable[[], float] | None = None,
        elapsed: Callable[[], float] | None = None,
        listener: Listener | None = None,
        origin: Origin = None,
        dpop: DPoP | None = None,
        store: Any = None,
        store_secret: Any = None,
        denylist: Denylist | None = None,
        issuers: int = 10_000,
        trusted_for: float = 300.0,
    ) -> None:
        world = (freshness, transport, clock, elapsed, listener, origin, dpop, store, store_secret, denylist)
        surroundings = Surroundings(*world)
        surroundings.require_sound()
        surroundings.fleet()  # what is wrong is told now, and not with the first issuer of a resolver
        surroundings.verifier_denylist()
        self._begin(trusts, remember, surroundings, issuers, trusted_for)

    def _begin(
        self,
        trusts: tuple[Any, ...],
        remember: int,
        surroundings: Surroundings,
        issuers: int,
        trusted_for: float,
    ) -> None:
        # Loaded with the first of these, since `Verifier.of` comes with the name `Verifier`.
        from rightkey.verifier.resolver import Answers
        from rightkey.verifier.table import Table

        self._settings = trusts, remember, surroundings, issuers, trusted_for
        self._memory, self._surroundings = memory_of(remember), surroundings
        self._resolver = _resolver(trusts)
        self._verdicts, self._proving = surroundings.verdicts(), surroundings.proving()
        fixed = () if self._resolver else tuple(map(self._issuer, trusts))
        self._table = Table(fixed, self._memory)
        self._answers = Answers(self._issuer, surroundings, issuers, trusted_for)

    def _issuer(self, trust: Trust) -> TrustedIssuer:
        return TrustedIssuer(trust, self._memory, self._surroundings)

    def _known(self, raw: str | bytes) -> TrustedIssuer | str:
        """The issuer of a token; or its `iss`, where the resolver must be asked about it.

        Raises:
            TokenRejected: `token_missing`, `token_malformed`, `issuer_not_trusted`.
        """
        if self._resolver is None:
            return self._table.issuer_of(raw)
        issuer = _stated(raw)
        return self._answers.kept(issuer) or issuer

    def status(self) -> dict[str, Status]:
        """How fresh the keys of each issuer are, by the name it was given; of a resolver's, those in use."""
        return {str(one.trust.issuer): one.status() for one in self._all() if one.kept}

    def distrust(self, name: str) -> None:
        """Refuse every token by the keys with this key id or RFC 7638 thumbprint, from now on, of every
        issuer here, those included whose keys were passed in or that a resolver will name, and in all
        verifiers of those issuers in the process."""
        from rightkey.freshness.distrust import key_name  # loaded by now, with what fetches

        self._answers.distrust(key_name(name))
        for one in self._all():
            one.distrust(name)

    @property
    def schemes(self) -> dict[str, tuple[str, ...]]:
        """Under which schemes tokens may come, and for `DPoP` by which algorithms proofs may be."""
        return self._proving.schemes([one.trust.sender for one in self._table.fixed])

    def _require_fetched(self, what: str = "refresh") -> None:
        """Of several issuers, those whose keys were passed in are left as they are."""

    def _verifier_denylist(self, issuer: str | None) -> tuple[VerifierDenylist, str]:
        if issuer is None:
            raise Misconfigured("deny() needs issuer=: several are trusted here")
        return self._surroundings.required_verifier_denylist(), denied_as(issuer, self._all())

    def _all(self) -> list[TrustedIssuer]:
        return [*self._table.fixed, *self._answers.in_use()]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), *self._settings)

    def __repr__(self) -> str:
        what = "a resolver" if self._resolver else f"{len(self._table.fixed)} issuers"
        return f"{type(self).__name__}({what})"


def _stated(raw: str | bytes) -> str:
    """Whose token it says it is: in the header where it is padded, and by its subject where it has no `iss`.

    Raises TokenRejected: `token_malformed`, `issuer_not_trusted`.
    """
    from rightkey.issuer.providers import PROVIDERS  # with the first token of a resolver
    from rightkey.verifier.table import domain_of, signer_of, stated_issuer

    issuer, claims = stated_issuer(raw, padded=True)
    last = raw[-1:]
    if (last if isinstance(last, str) else last.decode("latin-1")) == "=":
        issuer = signer_of(PROVIDERS["aws-alb"], raw) or issuer
    if issuer is None:
        issuer = domain_of(PROVIDERS["spiffe"], claims) or None
    if not isinstance(issuer, str):
        raise not_trusted(issuer)
    return issuer


def _resolver(given: tuple[Any, ...]) -> Any:
    """The resolver, if that is what was given. Raises Misconfigured."""
    if len(given) == 1 and callable(given[0]):
        return given[0]
    if not given or not all(isinstance(one, Trust) for one in given):
        raise Misconfigured("of() takes one Trust or more, or one function that finds the Trust of an issuer")
    return None


def _rebuilt(kind: type[Several], *settings: Any) -> Several:
    verifier = kind.__new__(kind)
    verifier._begin(*settings)
    return verifier

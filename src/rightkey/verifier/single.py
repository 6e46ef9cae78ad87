"""Single: how a verifier of one issuer is built, copied and shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from rightkey.errors import Misconfigured
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import AUTO
from rightkey.jose.algorithms import SAFE
from rightkey.policy.named import by_name
from rightkey.policy.trust import Anyone, Given, Trust
from rightkey.verdict.memory import Memory
from rightkey.verifier.one import Surroundings, TrustedIssuer, denied_as

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.status import Status
    from rightkey.jose.certificate import Policy
    from rightkey.policy.implied import Implies
    from rightkey.policy.introspection import Introspection
    from rightkey.proof.settings import DPoP
    from rightkey.requirements import Requirement
    from rightkey.verdict.denylist import Denylist
    from rightkey.verifier.denylist import VerifierDenylist
    from rightkey.verifier.proving import Origin

Require: TypeAlias = "str | Requirement | Iterable[str | Requirement]"


class Single:
    """A verifier of one issuer's tokens.

    Args:
        issuer: a domain (`tenant.eu.auth0.com`) or the exact URL that tokens name; with `keys` any string,
            or `rightkey.ANY`.
        audience: the name of this API at the issuer, or several; `rightkey.ANY` checks none.
        algorithms: names of those allowed; by default all that are safe.
        leeway: by how many seconds clocks may differ, at most 300.
        profile: the kind of token: `access`, `at+jwt`, `id`, `logout`, `id-jag`,
            `event` or `any`.
        require_exp: whether a token without `exp` is refused.
        require: what every token must grant: a scope, a requirement, or several.
        keys: instead of what the issuer publishes, a KeySet, the URL of a key set, the Path of a file or
            directory, which is read again when it changes, or `FirstOf` several of these.
        certificates: `match`, `valid`, `ignore` or `Certificates(...)`.
        provider: whose issuer it is: `auto` recognises it by its URL (with `keys`, none is), a name says it
            (`rightkey.issuer.providers`), None keeps to the standards alone.
        sender: what of a token that is bound to its sender (`cnf`): `checked` refuses it unless its proof is
            verified, `bound` refuses any other too, `bearer` takes possession for enough.
        metadata_url: where the issuer's metadata are, if not at the issuer. Their `issuer` must be the one
            named here, and tokens' `iss` is always that; the issuer may then be any string.
        freshness: how fresh keys are kept.
        remember: how many verified tokens are remembered; 0 for none.
        transport: what fetches; `DefaultTransport()` by default.
        clock: the time for claims and certificates, as a Unix time in seconds; by default `time.time`, looked
            up at each call.
        elapsed: seconds that never go back, for freshness; the system's clocks by default.
        listener: is called with each event (`rightkey.events`).
        origin: the URL by which clients know this API, such as `https://api.example.com`, or several: tokens
            may then come under the scheme `DPoP`, with a proof for a URL that begins so.
        dpop: what those proofs must be; by default as `DPoP()` has it.
        store: where the processes of a fleet share the issuer's documents and what is distrusted: a URL
            (`file:///run/app/rightkey`, `rediss://...`), a client of redis-py, or a `Store`; none by default.
        store_secret: what the fleet's processes know and others who can reach the store do not: 32 octets or
            more; two, of which the second only reads; or an Ed25519 key as PEM.
        implies: which scopes grant others, such as `{"files:admin": ["files:read"]}`, and all that these
            imply in turn.
        introspection: how the issuer is asked about opaque tokens, `Introspection(client_id, secret)`; none
            are taken by default.
        denylist: a `Denylist`, to have tokens looked up in it (`deny`); by default they are not.

    Raises:
        Misconfigured: any of them is not as described.
    """

    _one: TrustedIssuer | None
    _issuer: TrustedIssuer

    @by_name
    def __init__(
        self,
        issuer: str | Anyone,
        *,
        audience: str | Collection[str] | Anyone,
        algorithms: Collection[str] = SAFE,
        leeway: float = 0,
        profile: str = "access",
        require_exp: bool = True,
        require: Require = (),
        keys: Given = None,
        certificates: Policy = "match",
        provider: str | None = AUTO,
        sender: str = "checked",
        metadata_url: str | None = None,
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
        implies: Implies | None = None,
        introspection: Introspection | None = None,
        denylist: Denylist | None = None,
    ) -> None:
        judged = algorithms, leeway, profile, require_exp, require, certificates, provider, keys
        trust = Trust(issuer, audience, *judged, sender, metadata_url, implies, introspection)
        world = (freshness, transport, clock, elapsed, listener, origin, dpop, store, store_secret, denylist)
        surroundings = Surroundings(*world)
        surroundings.require_sound()
        self._begin(trust, remember, surroundings)

    def _begin(self, trust: Trust, remember: int, surroundings: Surroundings) -> None:
        self._settings = trust, remember, surroundings
        self._one = self._issuer = TrustedIssuer(trust, memory_of(remember), surroundings)
        self._verdicts, self._proving = surroundings.verdicts(), surroundings.proving()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Self:
        """A verifier as environment variables say: `RIGHTKEY_ISSUER`, `RIGHTKEY_AUDIENCE` and others.

        Args:
            environ: the variables; by default those of the process.
            settings: as the class takes them, such as `listener`; each counts instead of its variable.

        Raises:
            Misconfigured: the issuer or the audience is not set, or a variable has a value that cannot be;
                the message names the variable.
        """
        import os

        from rightkey.verifier.environment import built

        return built(cls, os.environ if environ is None else environ, settings)

    def distrust(self, name: str) -> None:
        """Refuse every token by the keys with this key id or RFC 7638 thumbprint, from now on, in all
        verifiers of this issuer in the process, however they name it and find its keys, and within a second
        in all processes that share its `store`.

        Raises:
            Misconfigured: the keys were passed in: pass others; or it is no text.
        """
        from rightkey.freshness.distrust import key_name  # loaded by now, with what fetches

        if not self._issuer.fetches:
            raise Misconfigured("distrust() works on fetched keys only, and these were passed in with keys=")
        self._issuer.distrust(key_name(name))

    def status(self) -> Status:
        """How fresh the keys are, and for how long a revoked one could still be accepted.

        Raises:
            Misconfigured: the keys were passed in, and have no freshness.
        """
        self._require_fetched("status")
        return self._issuer.status()

    @property
    def schemes(self) -> dict[str, tuple[str, ...]]:
        """Under which schemes tokens may come, and for `DPoP` by which algorithms proofs may be."""
        return self._proving.schemes([self._issuer.trust.sender])

    def _require_fetched(self, what: str = "refresh") -> None:
        if not self._issuer.kept:
            raise Misconfigured(f"{what}() needs fetched keys; these were passed in with keys=")

    def _verifier_denylist(self, issuer: str | None) -> tuple[VerifierDenylist, str]:
        denylist, own = self._settings[2].required_verifier_denylist(), self._issuer.record.identity
        return denylist, own if issuer is None else denied_as(issuer, self._all())

    def _all(self) -> list[TrustedIssuer]:
        return [self._issuer]

    def __reduce__(self) -> tuple[Any, ...]:
        trust, remember, surroundings = self._settings
        stated = {one.name: getattr(trust, one.name) for one in fields(trust) if one.init}
        return _rebuilt, (type(self), stated, remember, surroundings)

    def __repr__(self) -> str:
        trust = self._issuer.trust
        return f"{type(self).__name__}({trust.issuer!r}, audience={trust.audience!r})"


def memory_of(remember: Any) -> Memory:
    """A memory for so many tokens. Raises Misconfigured."""
    if not isinstance(remember, int) or isinstance(remember, bool) or remember < 0:
        raise Misconfigured("remember must be an integer, 0 or more")
    return Memory(remember)


def _rebuilt(kind: type[Single], stated: dict[str, Any], remember: int, surroundings: Surroundings) -> Single:
    verifier = kind.__new__(kind)
    verifier._begin(Trust(**stated), remember, surroundings)
    return verifier

"""What both faces share: everything of a verifier but the line that waits.

What touches the world (threads, the registry, a transport) is loaded with the first verifier that needs it,
not with the name `Verifier`: to import it is to load what the standards say, and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from rightkey.errors import Misconfigured, RightkeyError
from rightkey.freshness.settings import Freshness
from rightkey.issuer.name import AUTO
from rightkey.jose.algorithms import SAFE
from rightkey.jose.jws import MAX_TRIED
from rightkey.policy.trust import Anyone, Given, Trust, requirement_of
from rightkey.verdict.attempt import PLAIN, Asked, attempt
from rightkey.verdict.held import Held, NeedsNewer
from rightkey.verdict.memory import Memory
from rightkey.verdict.verified import Verified

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.status import Status
    from rightkey.jose.certificate import Policy
    from rightkey.requirements import Requirement
    from rightkey.sources.jobs import Job
    from rightkey.sources.remote import Remote
    from rightkey.sources.retry import Retry
    from rightkey.sources.source import Source
    from rightkey.sources.watched import Watched
    from rightkey.verifier.explaining import Explanation

Require: TypeAlias = "str | Requirement | Iterable[str | Requirement]"


class Face:
    """A verifier of one issuer's tokens, less the waiting.

    Args:
        issuer: a domain (`tenant.eu.auth0.com`) or the exact URL that tokens name; with `keys` any string,
            or `rightkey.ANY`.
        audience: the name of this API at the issuer, or several; `rightkey.ANY` checks none.
        algorithms: names of those allowed; by default all that are safe.
        leeway: by how many seconds clocks may differ, at most 300.
        profile: the kind of token: `access`, `at+jwt`, `id`, `logout` or `any`.
        require_exp: whether a token without `exp` is refused.
        require: what every token must grant: a scope, a requirement, or several.
        keys: instead of what the issuer publishes, a KeySet of one's own, the URL of a key set, the Path of
            a file or directory, which is read again when it changes, or `FirstOf` several of these.
        certificates: `match`, `valid`, `ignore` or `Certificates(...)`.
        provider: whose issuer it is: `auto` recognises it by its URL (with `keys`, none is), a name says it
            (`rightkey.providers`), None keeps to the standards alone.
        sender: what of a token that is bound to its sender (`cnf`): `checked` refuses it unless its proof is
            verified, `bound` refuses any other too, `bearer` takes possession for enough.
        metadata_url: where the issuer's metadata are, if not at the issuer. Their `issuer` must be the one
            named here, and tokens' `iss` is always that; the issuer may then be any string.
        freshness: how fresh keys are kept.
        remember: how many verified tokens are remembered; 0 for none.
        transport: what fetches; urllib3 by default.
        clock: the time for claims and certificates, as a Unix time in seconds.
        elapsed: seconds that never go back, for freshness; the system's clocks by default.
        listener: is called with each event (`rightkey.events`).

    Raises:
        Misconfigured: any of them is not as described.
    """

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
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._settings = {
            name: value for name, value in locals().items() if name not in ("self", "__class__")
        }
        trust = Trust(
            issuer=issuer,
            audience=audience,
            algorithms=algorithms,
            leeway=leeway,
            profile=profile,
            require_exp=require_exp,
            require=require,
            certificates=certificates,
            provider=provider,
            keys=keys,
            sender=sender,
            metadata_url=metadata_url,
        )
        memory = Memory(_count(remember))
        self._begin(trust, memory, freshness, transport, clock, elapsed, listener)

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

    @classmethod
    def _under(cls, trust: Trust, memory: Memory, **settings: Any) -> Self:
        """A verifier under a trust that there is already, which shares its memory with others."""
        face = cls.__new__(cls)
        face._begin(trust, memory, **settings)
        return face

    def _begin(
        self,
        trust: Trust,
        memory: Memory,
        freshness: Freshness,
        transport: Transport | None,
        clock: Callable[[], float],
        elapsed: Callable[[], float] | None,
        listener: Listener | None,
    ) -> None:
        from rightkey.sources.given import source_of
        from rightkey.sources.remote import Subscription

        self._trust, self._memory, self._clock = trust, memory, clock
        self._source: Source = source_of(trust, transport, freshness, elapsed)
        self._subscription = None if listener is None else Subscription(listener)
        if self._subscription is not None:
            for remote in self._remotes:
                remote.subscribe(self._subscription)

    def distrust(self, name: str) -> None:
        """Refuse every token by the keys with this key id or RFC 7638 thumbprint, from now on, in all
        verifiers of this issuer in the process.

        Raises:
            Misconfigured: the keys were handed over, or such a key is among those that were: hand over
                others.
        """
        from rightkey.sources.registry import REGISTRY

        for remote in self._remotes:
            REGISTRY.distrust(remote.place, name)
        held = self._source.held(waited=True).keys or ()
        if not self._remotes or any(name in (key.kid, key.thumbprint) for key in held):
            raise Misconfigured("distrust is for keys that are fetched, and these were handed over")

    def status(self) -> Status:
        """How fresh the keys are, and for how long a revoked one could still be accepted.

        Raises:
            Misconfigured: the keys were handed over, and have no freshness.
        """
        self._require_kept("status")
        return self._source.status()

    @property
    def _kept(self) -> tuple[Remote | Watched, ...]:
        """What of the source is read anew: of keys that are published one by one, those asked for so far."""
        from rightkey.sources.given import kept_in

        return kept_in(self._source)

    @property
    def _remotes(self) -> list[Remote]:
        from rightkey.sources.remote import Remote

        return [kept for kept in self._kept if isinstance(kept, Remote)]

    def _unheld(self) -> list[Job]:
        """Jobs for keys where none are held, all of them begun."""
        jobs = [kept.obtain() for kept in self._kept if kept.held().keys is None]
        return [job for job in jobs if job is not None]

    def _refetched(self) -> list[Job]:
        """Jobs that have all keys fetched or read anew, all of them begun."""
        self._require_kept("refresh")
        jobs = [kept.refetch() for kept in self._kept]
        return [job for job in jobs if job is not None]

    def _require_kept(self, what: str) -> None:
        if not self._kept:
            raise Misconfigured(f"{what} is for keys that are fetched, and these were handed over")

    def _retry(self, raw: str | bytes, asked: Asked, held: Held, need: NeedsNewer, *, threads: bool) -> Retry:
        """The way to newer keys for a token that needs them: it was judged by those held."""
        from rightkey.sources.retry import MAX_NEWER, Retry

        def judge(held: Held, before: NeedsNewer | None) -> Verified:
            tried, limit = (before.tried, MAX_NEWER) if before is not None else ((), MAX_TRIED)
            return attempt(self._trust, raw, held, self._clock(), asked, self._memory, limit, tried)

        need = need.with_traceback(None)  # which would lead to the caller's frame, and that to this: a circle
        return Retry(self._source, judge, self._source.moment(), held, need, threads=threads)

    def _explain(self, raw: str | bytes, outcome: Verified | RightkeyError, asked: Asked) -> Explanation:
        from rightkey.verifier.explaining import explain

        return explain(self._trust, raw, self._source.located(), self._clock(), outcome, asked)

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (type(self), self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._trust.issuer!r}, audience={self._trust.audience!r})"


def asked_of(
    require: Require, nonce: str | None, access_token: str | None, max_age: float | None = None
) -> Asked:
    """What a call asks. The one that asks nothing is a constant, so that the warm path builds nothing."""
    if require == () and nonce is None and access_token is None and max_age is None:
        return PLAIN
    return Asked(requirement_of(require), nonce, access_token, max_age)


def _build(face: type[Face], settings: dict[str, Any]) -> Face:
    return face(**settings)


def _count(remember: Any) -> int:
    if not isinstance(remember, int) or isinstance(remember, bool) or remember < 0:
        raise Misconfigured("remember is how many tokens, 0 or more")
    return remember

"""Several issuers behind one verifier: a token's `iss` chooses whose rules and keys count.

Each issuer has a verifier of its own, so that keys never cross. An `iss` that nobody trusts causes no
request. Who has more issuers than fit a list gives a function that finds the trust of one; its answers are
kept for a while, those for strangers too, and an outage of what it asks refuses no tenant that was trusted
before.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from rightkey.errors import Misconfigured, RightkeyError, TokenRejected
from rightkey.freshness.settings import Freshness
from rightkey.issuer.forms import Forms
from rightkey.policy.trust import ANY, Trust
from rightkey.sources.elapsed import SYSTEM
from rightkey.verdict.attempt import foreign, issuer_of
from rightkey.verdict.memory import Memory
from rightkey.verdict.verified import Claims, Typed, Verified
from rightkey.verifier.explaining import STEPS, Explanation, Step
from rightkey.verifier.one import Face, Require
from rightkey.verifier.resolver import MAX_STRANGERS, STRANGER_FOR, Found, Row, may_be, unresolved

if TYPE_CHECKING:
    from rightkey.events import Listener
    from rightkey.exchange import Transport
    from rightkey.freshness.status import Status
    from rightkey.verifier.tasks import AsyncVerifier
    from rightkey.verifier.threads import Verifier

Resolver: TypeAlias = Callable[[str], Trust | None]
AsyncResolver: TypeAlias = Callable[[str], Awaitable[Trust | None]]
_Face = TypeVar("_Face", bound=Face)


class Many(Generic[_Face]):
    """What both faces share. Built by `Verifier.of` and `AsyncVerifier.of`."""

    def __init__(
        self,
        kind: type[_Face],
        *trusts: Trust | Resolver | AsyncResolver,
        freshness: Freshness = Freshness(),  # noqa: B008 - a frozen value
        remember: int = 1024,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] | None = None,
        listener: Listener | None = None,
        issuers: int = 10_000,
        trusted_for: float = 300.0,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "kind", "trusts")}
        self._kind, self._settings = kind, (kind, trusts, given)
        self._memory, self._freshness = Memory(remember), freshness
        self._begun_with = {
            "freshness": freshness,
            "transport": transport,
            "clock": clock,
            "elapsed": elapsed,
            "listener": listener,
        }
        self._elapsed, self._trusted_for = elapsed or SYSTEM, trusted_for
        self._resolver = _resolver(trusts)
        self._found: Row[_Face] = Row(issuers)
        self._strangers: Row[_Face] = Row(MAX_STRANGERS)
        self._fixed = [] if self._resolver else [self._face(trust) for trust in trusts]
        self._by_issuer = _by_issuer(self._fixed)
        self._forms = Forms((face._trust.vendor, face._trust.expected or (), face) for face in self._fixed)

    def _face(self, trust: Any) -> _Face:
        return self._kind._under(trust, self._memory, **self._begun_with)

    def _chosen(self, issuer: Any, claims: dict[str, Any]) -> _Face | None:
        """The verifier of an issuer; None where a resolver must be asked.

        Raises TokenRejected: `issuer_not_trusted`.
        """
        if not isinstance(issuer, str):
            raise foreign(issuer)
        if self._resolver is None:
            face = self._by_issuer.get(issuer) or self._forms.owner(claims)
            if face is None:
                raise foreign(issuer)
            return face
        found = self._found.get(issuer) or self._strangers.get(issuer)
        if found is None or self._elapsed() >= found.until:
            if found is None and not may_be(issuer):
                raise foreign(issuer)
            return None
        if found.face is None:
            raise foreign(issuer)
        return found.face

    def _answered(self, issuer: str, trust: Any) -> _Face:
        """The verifier under what the resolver said, which is kept.

        Raises:
            TokenRejected: `issuer_not_trusted`: it knows none.
            IssuerUnavailable: `keys_unavailable`: it said what cannot be used.
        """
        if trust is None:
            # Strangers apart, so that no flood of them drives out who is trusted.
            row = self._strangers if self._found.get(issuer) is None else self._found
            row.put(issuer, Found(None, self._elapsed() + min(STRANGER_FOR, self._trusted_for)))
            raise foreign(issuer)
        held = self._found.get(issuer)
        face = held.face if held is not None else None
        if face is None or face._trust != trust:
            face = self._new(issuer, trust)
        self._found.put(issuer, Found(face, self._elapsed() + self._trusted_for))
        return face

    def _new(self, issuer: str, trust: Any) -> _Face:
        if not isinstance(trust, Trust) or trust.expected is None:
            raise unresolved(issuer, "answered with something else than a Trust of that issuer")
        try:
            return self._face(trust)
        except Misconfigured as error:
            raise unresolved(issuer, f"answered with a Trust that cannot be used: {error}") from error

    def _failed(self, issuer: str, error: Exception) -> _Face:
        """The verifier that there was before the resolver failed, for as long as keys would be.

        Raises IssuerUnavailable: `keys_unavailable`.
        """
        held = self._found.get(issuer)
        if (
            held is None
            or held.face is None
            or self._elapsed() >= held.until + self._freshness.stale_if_error
        ):
            raise unresolved(issuer, f"raised {type(error).__name__}") from error
        return held.face

    def status(self) -> dict[str, Status]:
        """How fresh the keys of each issuer are, by the name it was given; of a resolver's, those in use."""
        return {str(face._trust.issuer): face.status() for face in self._faces() if face._kept}

    def distrust(self, name: str) -> None:
        """Refuse every token by the keys with this key id or RFC 7638 thumbprint, from now on, of every
        issuer here, and in all verifiers of those issuers in the process."""
        for face in self._faces():
            if face._remotes:
                face.distrust(name)

    def _faces(self) -> list[_Face]:
        return self._fixed or self._found.faces()

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (type(self), *self._settings)

    def __repr__(self) -> str:
        what = "a resolver" if self._resolver else f"{len(self._fixed)} issuers"
        return f"{type(self).__name__}({what})"


class Verifiers(Many["Verifier"]):
    """A verifier of several issuers' tokens, for threads."""

    @overload
    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified: ...

    @overload
    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Claims],
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Typed[Claims]: ...

    def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Any] | None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified:
        """Verify a token, as `Verifier.verify` of its issuer would.

        Raises:
            TokenRejected: also where nobody trusts its issuer: `issuer_not_trusted`.
            IssuerUnavailable: also where the resolver fails: `keys_unavailable`.
        """
        return self._for(raw).verify(
            raw,
            require=require,
            claims_type=claims_type,
            nonce=nonce,
            access_token=access_token,
            max_age=max_age,
        )

    def explain(self, raw: str | bytes, /, **asked: Any) -> Explanation:
        """Verify a token, and tell each step of the path. Raises nothing for a token or an issuer."""
        try:
            face = self._for(raw)
        except RightkeyError as error:
            return _unchosen(error)
        return face.explain(raw, **asked)

    def prepare(self) -> None:
        """Have the keys of all fixed issuers fetched, at once. Raises as `Verifier.prepare`, for the first
        that fails."""
        _begin(self._fixed)
        for face in self._fixed:
            face.prepare()

    def refresh(self) -> None:
        """Fetch all keys now, whatever backoff and budget say. Raises as `prepare`."""
        for face in self._faces():
            if face._kept:
                face.refresh()

    def _for(self, raw: str | bytes) -> Verifier:
        issuer, claims = issuer_of(raw)
        face = self._chosen(issuer, claims)
        if face is not None:
            return face
        try:
            trust = self._resolver(issuer)
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is an outage of it
            return self._failed(issuer, error)
        return self._answered(issuer, trust)


class AsyncVerifiers(Many["AsyncVerifier"]):
    """A verifier of several issuers' tokens, for tasks of asyncio and trio."""

    @overload
    async def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified: ...

    @overload
    async def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Claims],
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Typed[Claims]: ...

    async def verify(
        self,
        raw: str | bytes,
        /,
        *,
        require: Require = (),
        claims_type: type[Any] | None = None,
        nonce: str | None = None,
        access_token: str | None = None,
        max_age: float | None = None,
    ) -> Verified:
        """Verify a token, as `AsyncVerifier.verify` of its issuer would.

        Raises:
            TokenRejected: also where nobody trusts its issuer: `issuer_not_trusted`.
            IssuerUnavailable: also where the resolver fails: `keys_unavailable`.
        """
        face = await self._for(raw)
        return await face.verify(
            raw,
            require=require,
            claims_type=claims_type,
            nonce=nonce,
            access_token=access_token,
            max_age=max_age,
        )

    async def explain(self, raw: str | bytes, /, **asked: Any) -> Explanation:
        """Verify a token, and tell each step of the path. Raises nothing for a token or an issuer."""
        try:
            face = await self._for(raw)
        except RightkeyError as error:
            return _unchosen(error)
        return await face.explain(raw, **asked)

    async def prepare(self) -> None:
        """Have the keys of all fixed issuers fetched, at once. Raises as `AsyncVerifier.prepare`, for the
        first that fails."""
        _begin(self._fixed)
        for face in self._fixed:
            await face.prepare()

    async def refresh(self) -> None:
        """Fetch all keys now, whatever backoff and budget say. Raises as `prepare`."""
        for face in self._faces():
            if face._kept:
                await face.refresh()

    async def _for(self, raw: str | bytes) -> AsyncVerifier:
        issuer, claims = issuer_of(raw)
        face = self._chosen(issuer, claims)
        if face is not None:
            return face
        try:
            trust: Any = self._resolver(issuer)
            if isinstance(trust, Awaitable):
                trust = await trust
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises is an outage of it
            return self._failed(issuer, error)
        return self._answered(issuer, trust)


def _resolver(given: tuple[Any, ...]) -> Any:
    """The resolver, if that is what was given. Raises Misconfigured."""
    if len(given) == 1 and callable(given[0]):
        return given[0]
    if not given or not all(isinstance(one, Trust) for one in given):
        raise Misconfigured(
            "of takes trusts, one at least, or one function that finds the trust of an issuer"
        )
    return None


def _by_issuer(faces: Iterable[_Face]) -> dict[str, _Face]:
    """Each exact spelling of `iss`, and whose it is. Raises Misconfigured."""
    found: dict[str, _Face] = {}
    for face in faces:
        trust = face._trust
        if trust.issuer is ANY:
            raise Misconfigured("rightkey.ANY is no issuer among several: whose keys would count?")
        for spelling in trust.expected or ():
            if found.setdefault(spelling, face) is not face:
                raise Misconfigured(
                    f"two trusts for one issuer, {spelling!r}", hint="one Trust may have several audiences"
                )
    return found


def _begin(faces: Iterable[Face]) -> None:
    """Start fetching the keys of all of them, before anybody waits for one."""
    for face in faces:
        face._unheld()


def _unchosen(error: RightkeyError) -> Explanation:
    """What is told of a token that has no verifier."""
    failed = "token" if _malformed(error) else "claims"
    told = {"token": Step("token", "ok", "three parts")}
    told[failed] = Step(failed, "failed", str(error), {"code": error.code})
    steps = (told.get(name) or Step(name, "skipped", "not reached") for name in STEPS)
    return Explanation(tuple(steps), error=error)


def _malformed(error: RightkeyError) -> bool:
    return isinstance(error, TokenRejected) and error.code in ("token_missing", "token_malformed")


def _build(many: type[Any], kind: type[Face], trusts: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    return many(kind, *trusts, **settings)

"""Verdicts: reports what became of tokens, the refused to listeners once a second, and each one to meters."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from types import MethodType

from rightkey.errors import InsufficientScope, RightkeyError, TokenRejected
from rightkey.events import SUBSCRIBERS, VERIFIED, Listener, TokensRefused, ids_of, meter_of
from rightkey.jose.jws import read
from rightkey.policy.trust import Trust
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.guard import GUARD
from rightkey.telemetry.throttle import Throttle

_THROTTLE = Throttle(GUARD)
"""One for the process, since a verifier may be built for each request."""
_TOLD: weakref.WeakSet[InsufficientScope] = weakref.WeakSet()
"""Errors that a verifier raised and told of, so that the integration that answers does not tell once more."""


class _Itself:
    """The mark of one object, or of a method of one. It keeps none alive, and is no other object's: an id
    alone is soon that of another, whose first refusal would be held back."""

    __slots__ = ("_ids", "_owner")

    def __init__(self, thing: object) -> None:
        owner = thing.__self__ if isinstance(thing, MethodType) else thing
        self._ids = ids_of(thing)
        self._owner: Callable[[], object]
        try:
            self._owner = weakref.ref(owner)
        except TypeError:  # a class with slots may allow no such reference: this one is kept alive
            self._owner = lambda: owner

    def __hash__(self) -> int:
        return hash(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._ids == other._ids and self._owner() is other._owner()


class Verdicts:
    """Tells one verifier's listener, and those of the process.

    Args:
        listener: the verifier's own.
        elapsed: seconds that never go back, for one event a second.
    """

    def __init__(self, listener: Listener | None, elapsed: Callable[[], float]) -> None:
        self.errors = 0
        self.subscribers = SUBSCRIBERS
        self._own = () if listener is None else (listener,)
        self._elapsed = elapsed
        self._mark = (*map(_Itself, self._own), _Itself(elapsed))
        self._meter = meter_of(listener)
        if self._meter is not None:
            SUBSCRIBERS.measured = True

    def verified(self, trust: Trust, began: float) -> None:
        """A token is good. `began` is when its verification did, by `time.perf_counter`."""
        self._measured(issuer_name(trust), VERIFIED, began)

    def refused(self, raw: str | bytes, trust: Trust | None, error: RightkeyError, began: float) -> None:
        """A token was refused, or could not be judged.

        Args:
            trust: the one it was judged by; None if it belongs to none of several issuers.
            began: as above; 0.0 where nothing measures.
        """
        issuer = issuer_name(trust)
        if began:
            self._measured(issuer, error.code, began)
        if isinstance(error, InsufficientScope):
            _TOLD.add(error)
        tokens = _THROTTLE.passes((issuer, error.code, self._mark), self._elapsed())
        if tokens:
            self.errors += SUBSCRIBERS.tell(_event(issuer, raw, trust, error, tokens), self._own)

    def _measured(self, issuer: str, code: str, began: float) -> None:
        seconds = time.perf_counter() - began
        meters = SUBSCRIBERS.meters
        if self._meter is not None and self._meter not in meters:
            meters = (self._meter, *meters)
        for meter in meters:
            try:
                meter.judged(issuer, code, seconds)
            except Exception:  # noqa: BLE001 - a meter's fault is not the token's
                self.errors += 1


def tell_not_granted(error: RightkeyError) -> None:
    """A verified token does not grant what a route requires. Nothing is told of other errors, or twice."""
    if isinstance(error, InsufficientScope) and error not in _TOLD:
        _TOLD.add(error)
        tokens = _THROTTLE.passes(("", error.code), SYSTEM())
        if tokens:
            SUBSCRIBERS.tell(TokensRefused("", error.code, error.status or 403, str(error), tokens))


def issuer_name(trust: Trust | None) -> str:
    """The issuer, as its user named it."""
    if trust is None:
        return ""
    return trust.issuer if isinstance(trust.issuer, str) else trust.issuer.value


def _event(
    issuer: str, raw: str | bytes, trust: Trust | None, error: RightkeyError, tokens: int
) -> TokensRefused:
    failures = error.failures if isinstance(error, TokenRejected) else ()
    return TokensRefused(
        issuer=issuer,
        code=error.code,
        status=error.status or 401,
        message=str(error),
        tokens=tokens,
        kid=_kid(raw),
        claims=tuple(failure.claim for failure in failures),
        audience=tuple(sorted(trust.audiences or ())) if trust is not None else (),
        issuers=(trust.expected or ()) if trust is not None else (),
        hint=error.hint or "",
    )


def _kid(raw: str | bytes) -> str | None:
    """The key id of a token's header, if it can be read."""
    try:
        return read(raw).header.kid
    except RightkeyError:
        return None

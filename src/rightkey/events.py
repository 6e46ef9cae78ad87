"""What a listener is told: frozen values, with nothing secret in them.

A listener is given to one verifier (`listener=`) or to all of the process (`subscribe`). One that also has a
method `judged` is a `Meter`, and is told of each verification besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import MethodType
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, runtime_checkable

from rightkey.errors import Misconfigured

if TYPE_CHECKING:
    from rightkey.jose.keyset import KeySet


@dataclass(frozen=True, slots=True)
class KeysFetched:
    """An issuer gave a good answer. `forced`: because a token needed newer keys.

    `key_set` is a hash that is equal where the keys are. `status` is the HTTP status, `seconds` what the
    whole refresh took, `failures` how many attempts had failed since the good answer before. None of these
    is compared.
    """

    issuer: str
    keys: int
    skipped: int
    forced: bool
    key_set: str = field(default="", compare=False)
    status: str = field(default="", compare=False)
    seconds: float = field(default=0.0, compare=False)
    failures: int = field(default=0, compare=False)

    @classmethod
    def of(
        cls,
        issuer: str,
        keys: KeySet,
        *,
        forced: bool,
        status: str = "",
        seconds: float = 0.0,
        failures: int = 0,
    ) -> Self:
        """What an answer brought, in numbers."""
        brought = (len(keys), len(keys.skipped), forced, _hash(keys))
        return cls(issuer, *brought, status=status, seconds=seconds, failures=failures)


@dataclass(frozen=True, slots=True)
class KeysRotated:
    """The set of keys is another than before. Key ids, or thumbprints where a key has none."""

    issuer: str
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def between(cls, issuer: str, before: KeySet, after: KeySet) -> Self:
        """What came and what went."""
        added, removed = after.identities - before.identities, before.identities - after.identities
        return cls(issuer, _names(added), _names(removed))


@dataclass(frozen=True, slots=True)
class KeysMissing:
    """Keys that are missing from an answer serve on for `grace` seconds, or until the next answer.

    Key ids, or thumbprints where a key has none.
    """

    issuer: str
    keys: tuple[str, ...]
    grace: float

    @classmethod
    def of(cls, issuer: str, missing: KeySet, grace: float) -> Self:
        """The keys that serve on, by name."""
        return cls(issuer, _names(missing.identities), grace)


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """An attempt failed. `code` is an error's code, `retry_after` the pause in seconds.

    `reason` is one word for metrics: of the exchange (`timeout`, `dns`, `tls`, ...), `http_503` for a status,
    or the code where an answer came and could not be used. `seconds` is what the whole refresh took. Neither
    is compared.
    """

    issuer: str
    code: str
    message: str
    forced: bool
    retry_after: float
    reason: str = field(default="", compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class ServedStale:
    """Keys past their life serve on, since the issuer gives no good answer. `left` is in seconds."""

    issuer: str
    left: float


@dataclass(frozen=True, slots=True)
class RefetchRefused:
    """Tokens asked for newer keys, and the budget was empty. One event a pause, however many they are.

    `wait` is in seconds, until the next draw; `tokens` is how many were refused since the last such event.
    """

    issuer: str
    wait: float
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class KeyLeaked:
    """An issuer published the private half of a key, which is refused from now on."""

    issuer: str
    kid: str | None
    thumbprint: str


@dataclass(frozen=True, slots=True)
class LeakForgotten:
    """An issuer leaked more keys than are remembered: `keys` of the oldest are no longer refused."""

    issuer: str
    keys: int


@dataclass(frozen=True, slots=True)
class TokensRefused:
    """Tokens were refused (401, 403), or could not be judged for want of keys (503).

    Told once a second for each issuer and code; `tokens` is how many there were since it was told last, and
    the rest is of the latest.
    """

    issuer: str
    """Whose verifier it is. Empty if the token belongs to none of several, or lacks what a route requires."""
    code: str
    status: int
    message: str
    tokens: int = 1
    kid: str | None = None
    """The key that the token names, which any stranger may choose: escape it before you show it."""
    claims: tuple[str, ...] = ()
    """Names of the claims that failed."""
    audience: tuple[str, ...] = ()
    """What is expected in `aud`; empty where nothing is."""
    issuers: tuple[str, ...] = ()
    """What is expected in `iss`; empty where nothing is."""
    hint: str = ""
    """What to do, where the error says it."""


@dataclass(frozen=True, slots=True)
class IntrospectionFailed:
    """An issuer could not be asked about an opaque token, which may be good.

    `reason` is one word: of the exchange, `http_503` for a status, `credentials` where ours were refused or
    cannot be read, or `answer` where it came and cannot be used. `retry_after` is the pause in seconds.
    """

    issuer: str
    reason: str
    message: str
    retry_after: float


@dataclass(frozen=True, slots=True)
class StoreLost:
    """A fleet's store gives no usable answer: this process asks issuers for itself, by a budget of its own.

    `reason` is one word. `issuer` is empty: it is the store of them all.
    """

    issuer: str
    store: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoreBack:
    """The store answers again, after `seconds`. `issuer` is empty."""

    issuer: str
    store: str
    seconds: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class EntryRejected:
    """What the store held for an issuer was not used. It may have been tampered with, or restored.

    `reason` is `seal` (not written by the fleet, or for another place), `older` (rolled back), `unreadable`,
    or `number` (the store names numbers that cannot be). `issuer` is empty where it was a distrusted key.
    """

    issuer: str
    store: str
    reason: str


Event: TypeAlias = (
    KeysFetched
    | KeysRotated
    | KeysMissing
    | FetchFailed
    | ServedStale
    | RefetchRefused
    | KeyLeaked
    | LeakForgotten
    | StoreLost
    | StoreBack
    | EntryRejected
    | IntrospectionFailed
    | TokensRefused
)
Listener: TypeAlias = Callable[[Event], None]

VERIFIED = "verified"
"""What a meter is told instead of an error's code where a token is good."""


@runtime_checkable
class Meter(Protocol):
    """A listener that measures."""

    def judged(self, issuer: str, code: str, seconds: float, /) -> None:
        """One token was judged, on this thread and in this context.

        Args:
            issuer: as `TokensRefused` names it.
            code: `verified`, or the code of the error.
            seconds: what it took, waiting included.
        """


def meter_of(listener: object) -> Meter | None:
    """The listener, if it measures as well."""
    return listener if isinstance(listener, Meter) else None


def ids_of(one: object) -> tuple[int, int]:
    """What tells a listener from others that are there: a method is another object each time it is named."""
    return (id(one.__self__), id(one.__func__)) if isinstance(one, MethodType) else (id(one), 0)


class Subscribers:
    """The listeners of the whole process, in a tuple that is replaced whole: readers need no lock."""

    __slots__ = ("listeners", "measured", "meters")

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self.meters: tuple[Meter, ...] = ()
        self.measured = False
        """Whether there is, or was, any meter: the one thing that a warm verification asks."""

    def tell(self, event: Event, own: Iterable[Listener] = ()) -> int:
        """Tell those given and those of the process, each once. Returns how many raised."""
        raised = 0
        for listener in {ids_of(listener): listener for listener in (*own, *self.listeners)}.values():
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault is not the token's
                raised += 1
        return raised


SUBSCRIBERS = Subscribers()


def subscribe(listener: Listener) -> Callable[[], None]:
    """Have a listener told of every verifier's events in this process, until the returned function is called.

    Args:
        listener: is called with each event, on whatever thread it came about; it should be quick. An
            exception of its own is counted and goes no further. If it is a `Meter`, it is told of each
            verification as well.

    Raises:
        Misconfigured: it cannot be called.
    """
    if not callable(listener):
        raise Misconfigured("listener must be a function")
    SUBSCRIBERS.listeners = (*SUBSCRIBERS.listeners, listener)
    meter = meter_of(listener)
    if meter is not None:
        SUBSCRIBERS.meters = (*SUBSCRIBERS.meters, meter)
        SUBSCRIBERS.measured = True

    def unsubscribe() -> None:
        SUBSCRIBERS.listeners = tuple(one for one in SUBSCRIBERS.listeners if one is not listener)
        SUBSCRIBERS.meters = tuple(one for one in SUBSCRIBERS.meters if one is not meter)

    return unsubscribe


def _hash(keys: KeySet) -> str:
    """One that depends on key ids, algorithms and thumbprints alone, and not on their order."""
    import hashlib  # slow to load: it is with the first keys

    named = "\n".join(sorted(repr(identity) for identity in keys.identities))
    return f"sha256:{hashlib.sha256(named.encode('utf-8', 'backslashreplace')).hexdigest()}"


def _names(identities: Iterable[tuple[str | None, str | None, str]]) -> tuple[str, ...]:
    return tuple(sorted(kid if kid is not None else thumbprint for kid, _, thumbprint in identities))

"""What a listener is told: frozen values, with nothing secret in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from rightkey.jose.keyset import KeySet


@dataclass(frozen=True, slots=True)
class KeysFetched:
    """An issuer gave a good answer. `forced`: because a token needed newer keys."""

    issuer: str
    keys: int
    skipped: int
    forced: bool

    @classmethod
    def of(cls, issuer: str, keys: KeySet, *, forced: bool) -> Self:
        """What an answer brought, in numbers."""
        return cls(issuer, len(keys), len(keys.skipped), forced)


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
    """An attempt failed. `code` is an error's code, `retry_after` the pause in seconds."""

    issuer: str
    code: str
    message: str
    forced: bool
    retry_after: float


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


Event: TypeAlias = (
    KeysFetched
    | KeysRotated
    | KeysMissing
    | FetchFailed
    | ServedStale
    | RefetchRefused
    | KeyLeaked
    | LeakForgotten
)
Listener: TypeAlias = Callable[[Event], None]


def _names(identities: Iterable[tuple[str | None, str | None, str]]) -> tuple[str, ...]:
    return tuple(sorted(kid if kid is not None else thumbprint for kid, _, thumbprint in identities))

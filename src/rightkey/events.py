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
    """A token asked for newer keys, and the budget was empty. `wait` is in seconds."""

    issuer: str
    wait: float


@dataclass(frozen=True, slots=True)
class KeyLeaked:
    """An issuer published the private half of a key, which is refused from now on."""

    issuer: str
    kid: str | None
    thumbprint: str


Event: TypeAlias = (
    KeysFetched | KeysRotated | KeysMissing | FetchFailed | ServedStale | RefetchRefused | KeyLeaked
)
Listener: TypeAlias = Callable[[Event], None]


def _names(identities: Iterable[tuple[str | None, str | None, str]]) -> tuple[str, ...]:
    return tuple(sorted(kid if kid is not None else thumbprint for kid, _, thumbprint in identities))

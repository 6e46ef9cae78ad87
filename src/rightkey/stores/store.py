"""Store: what a place for shared documents must do, and the values that go in and out.

A store keeps octets, and knows nothing of keys. What it says is not believed: an entry is authentic or it is
not used, and what it refuses is obeyed only for so long. So a store can make a fleet slower, never less safe.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

MAX_RECORDS = 10_000
"""Distrusted keys that a store keeps, of all issuers."""
Verb: TypeAlias = Literal["found", "lead", "wait", "spent", "paused"]


class StoreFailed(Exception):
    """The store gave no usable answer. `reason` is one word for metrics; the message holds no secret."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class StoreRefused(StoreFailed):
    """The store answers, and cannot keep what it was given: it is full, or may forget it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a process wants of a place. Times are in seconds."""

    held: int = 0
    """The number of the entry that it holds; 0 for none. What has a higher number is newer."""
    lease: float = 2.0
    """For how long others wait, if it leads."""
    anew: bool = False
    """Whether the entry that is there is of no use to it."""
    leads: bool = True
    """Whether it may put in what it brings. One that may not takes what is there, or asks for itself."""
    forced: bool = False
    """Whether a token asked, so that the budget of the fleet counts."""
    draws: float = 2.0
    every: float = 10.0
    """Seconds from one draw to the next."""
    least: float = 1.0
    """How many draws there must be for it to take one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the process is to do.

    found   take the entry, which is newer than what it holds
    lead    ask the issuer, and put the answer in by this number
    wait    another process is asking: look again, and for `seconds` at most
    spent   the budget of the fleet is spent, for `seconds`
    paused  the issuer failed, and is left alone for `seconds`; `word` says how it failed
    """

    verb: Verb
    number: int
    """The latest that was drawn. A higher one is drawn later than this turn, whatever clocks say."""
    seconds: float = 0.0
    age: float = 0.0
    """Seconds since the entry's number was drawn, by the store's own clock."""
    entry: bytes | None = field(default=None, repr=False)
    at: float = 0.0
    """The store's time, which goes back with the answer."""
    failures: int = 0
    """Leaders in a row that have brought nothing before this turn: the next pause grows with them."""
    word: str = ""


@runtime_checkable
class Store(Protocol):
    """Shared by processes. Each method takes a quarter of a second at most, and raises StoreFailed alone.

    `name` is what messages call it: without passwords. `private` says whether no other user can write there,
    so that a secret may be left out. Equal stores (`==`, `hash`) are one.
    """

    @property
    def name(self) -> str: ...
    @property
    def private(self) -> bool: ...

    def look(self, place: str, asked: Asked, /) -> Turn:
        """Whose turn it is, in one step that no other process can come between."""

    def put(self, place: str, turn: Turn, entry: bytes, /) -> None:
        """Keep what a leader has brought, unless an entry with a higher number is there; free its lock."""

    def fail(self, place: str, turn: Turn, pause: float, word: str, forced: bool, /) -> None:
        """Free the leader's lock, and have the issuer left alone for so many seconds; 0 for none."""

    def version(self) -> Hashable:
        """What differs once records were added, or lost."""

    def records(self) -> Iterable[bytes]:
        """What was added."""

    def add(self, record: bytes, /) -> None:
        """Keep a record for as long as the store lasts. The same one twice is one."""


@runtime_checkable
class Marking(Protocol):
    """A store that remembers used proofs, too."""

    def mark(self, mark: bytes, seconds: float, /) -> bool:
        """Whether these 32 octets come for the first time; they are kept for so many seconds.

        Of two callers at once one is the first. Raises StoreFailed where it cannot be told, or where what is
        kept may be forgotten before its time.
        """


class News(NamedTuple):
    """Denials that were kept since a position."""

    position: Hashable
    """Where they end."""
    whole: bool
    """Whether these are all that there are, and not only the latest."""
    records: list[bytes]


@runtime_checkable
class Denying(Protocol):
    """A store that keeps a denylist, too. A record is a sealed denial."""

    def deny(self, record: bytes, until: float, /) -> None:
        """Keep a record until this Unix time. The same one twice is one. Raises StoreRefused: it is full."""

    def denied(self, since: Hashable, /) -> News:
        """What was kept since a position; all of it where that is None, or is not known any more."""

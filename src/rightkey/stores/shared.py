"""Shared: an issuer's documents from a fleet's store, in front of any transport.

One process asks the issuer, and the others take what it brought, each reading it by its own settings as if
the issuer had answered. A process that waits for another waits half of its time, or three quarters where yet
another has taken that one's place, and then asks for itself. So does one whose store fails; and one whose
store refuses it for longer than any honest store would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from rightkey.errors import IssuerFault, IssuerUnavailable
from rightkey.exchange import ExchangeFailed, Request, Response, Transport
from rightkey.freshness.budget import MAX_PAUSE as MAX_BACKOFF
from rightkey.freshness.budget import RETRY_AFTER
from rightkey.freshness.documents import Document, FleetBudgetSpent, Terms, proper
from rightkey.issuer.jwks import is_sendable
from rightkey.stores.clocks import monotonic, sleep, wall
from rightkey.stores.entry import KEPT, Entry, Unreadable, read_entry
from rightkey.stores.fleet import Fleet
from rightkey.stores.outage import Outage, read_outage
from rightkey.stores.seal import Broken
from rightkey.stores.store import Asked, Turn
from rightkey.stores.turns import MAX_PAUSE

BELIEVED = 90.0
"""Seconds for which a store may refuse a process with neither a newer entry nor a sealed failure of the last
minutes to show for it; then the process asks for itself."""
AHEAD = 86_400.0
"""Seconds that a store's numbers may be ahead of this host's clock."""
MAX_URLS = 16
"""Addresses of one issuer's documents that are remembered."""
_POLLS = (0.01, 0.1)
"""Seconds between looks of a process that waits for another: from the first doubling to the second."""
_HALF, _LONGER = 0.5, 0.75
"""Parts of its time that a process waits for another, and for the one after it."""
_CONDITIONAL = ("if-none-match", "if-modified-since")


@dataclass(slots=True)
class KnownEntry:
    """What a process knows of the entry at one place."""

    held: int = 0
    """The number of the entry that it took, or brought."""
    looked: tuple[int, int] = (0, 0)
    """A reading of COUNT before the last look, and the latest number that was drawn then: an entry with a
    higher number was asked for after that reading."""
    refused: float | None = None
    """Since when the store has refused it."""


class KnownEntries:
    """What one source of keys knows of entries, by URL."""

    def __init__(self) -> None:
        self._seen: dict[str, KnownEntry] = {}

    def of(self, url: str) -> KnownEntry:
        """Of this URL; the oldest are forgotten first."""
        seen = self._seen.setdefault(url, KnownEntry())
        while len(self._seen) > MAX_URLS:
            del self._seen[next(iter(self._seen))]
        return seen


class LeftAlone(ExchangeFailed):
    """The issuer has failed another process of the fleet a moment ago."""

    def __init__(self, seconds: float, word: str) -> None:
        why = f" ({word})" if word.isidentifier() and len(word) <= 40 else ""
        message = f"it failed another process of this fleet{why}, and is left alone for {seconds:.3g} s"
        super().__init__("paused", message)
        self.retry_after = seconds


@dataclass(slots=True)
class _Lead:
    turn: Turn
    wall: float
    forced: bool
    word: str = ""
    response: Response | None = None


class Shared:
    """The documents of one refresh.

    Args:
        issuer: what events call it.
        transport: what asks the issuer.
        fleet: the store.
        known: what was seen before by the same source of keys.
        count: the process's count of moments.
        wall: the time as Unix seconds.
        monotonic: seconds, for waiting.
        sleep: waits.
    """

    def __init__(
        self,
        issuer: str,
        transport: Transport,
        fleet: Fleet,
        known: KnownEntries,
        count: Callable[[], int],
        wall: Callable[[], float] = wall,
        monotonic: Callable[[], float] = monotonic,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self._issuer = issuer
        self._transport = transport
        self._fleet, self._known, self._count = fleet, known, count
        self._wall, self._monotonic, self._sleep = wall, monotonic, sleep
        self._leads: dict[str, _Lead] = {}

    def get(self, request: Request, terms: Terms, /) -> Document:
        """As the store says. Raises FleetBudgetSpent, ExchangeFailed, and what the transport raises.

        An entry that is found is taken, unless it is of no use; where it is this process's turn, it asks for
        the fleet; where another asks, it waits and looks again; or it is refused. Otherwise it asks for
        itself: the store fails or is not believed, the wait was too long, or it may not put an entry in.
        """
        seen, place = self._known.of(request.url), place_of(request.url)
        asked = _asked(request, terms, seen.held, self._fleet.seal.writes)
        began, moment, latest, pause = self._monotonic(), self._count(), None, _POLLS[0]
        while (turn := self._look(place, asked)) is not None:
            latest = turn.number if latest is None else latest
            if turn.verb == "found" and not asked.anew:
                document = self._taken(request.url, turn, seen, terms, (moment, latest))
                if document is not None:
                    seen.looked, seen.refused = (moment, latest), None
                    return document
                asked = replace(asked, anew=True)
            elif turn.verb == "lead" and asked.leads and self._is_honest(turn, seen):
                seen.looked, seen.refused = (moment, latest), None
                return self._led(request, turn, terms.forced)
            elif turn.verb == "wait" and self._monotonic() + pause < began + _patience(
                terms.left, turn, latest
            ):
                self._sleep(pause)
                pause = min(2 * pause, _POLLS[1])
            elif turn.verb in ("spent", "paused"):
                outage = self._outage(place, turn)
                if not self._believes(seen, outage):
                    break
                seen.looked = (moment, latest)
                raise _refusal(turn, outage)
            else:
                break
        return Document(proper(self._transport.get(request)))

    def accept(self, url: str, /) -> None:
        """Put in what was brought."""
        lead = self._leads.pop(url, None)
        if lead is None or lead.response is None:
            return
        place, fleet, number = place_of(url), self._fleet, lead.turn.number
        entry = Entry.of(number, lead.wall, url, lead.response)
        closed = fleet.seal.close("entry", place, entry.octets())
        self._known.of(url).held = number
        fleet.call(lambda: fleet.store.put(place, lead.turn, closed))

    def end(self, failure: IssuerFault | None, /) -> None:
        """Free what was not put in, and have the issuer left alone where it failed."""
        for url, lead in self._leads.items():
            self._free(place_of(url), lead, failure)
        self._leads.clear()

    def _free(self, place: str, lead: _Lead, failure: IssuerFault | None) -> None:
        pause = 0.0 if failure is None else _pause(lead.turn.failures, failure)
        word = lead.word or (failure.code if failure else "")
        sealed = Outage(self._wall(), word).sealed(self._fleet.seal, place)
        store = self._fleet.store
        self._fleet.call(lambda: store.fail(place, lead.turn, pause, sealed, lead.forced))

    def _look(self, place: str, asked: Asked) -> Turn | None:
        return self._fleet.call(lambda: self._fleet.store.look(place, asked))

    def _taken(
        self, url: str, turn: Turn, seen: KnownEntry, terms: Terms, look: tuple[int, int]
    ) -> Document | None:
        """The store's entry as an answer; None where it is of no use."""
        entry = self._opened(url, turn)
        if entry is None:
            return None
        if entry.number <= seen.held:
            self._fleet.reject(self._issuer, "older")
            return None
        age = entry.age(turn.age, self._wall())
        if age >= terms.oldest:
            return None
        before, seen.held = seen.looked, entry.number
        self._fleet.took()
        # Drawn after a look, and so begun after it: whatever clocks say.
        moment = next((count for count, latest in (look, before) if entry.number > latest), 0)
        return Document(entry.response, age, moment)

    def _opened(self, url: str, turn: Turn) -> Entry | None:
        """The entry that came with a turn; None where there is none, or it is not authentic."""
        if turn.entry is None:
            return None
        try:
            entry = read_entry(self._fleet.seal.open("entry", place_of(url), turn.entry))
        except (Broken, Unreadable) as error:
            self._fleet.reject(self._issuer, "seal" if isinstance(error, Broken) else "unreadable")
            return None
        return entry

    def _led(self, request: Request, turn: Turn, forced: bool) -> Document:
        """Ask the issuer for the fleet: whether the store's answer still holds, if there is one."""
        lead = self._leads[request.url] = _Lead(turn, self._wall(), forced)
        entry = self._opened(request.url, turn)
        if entry is not None and entry.number < self._known.of(request.url).held:
            self._fleet.reject(self._issuer, "older")
            entry = None
        try:
            # Not where a condition may be what failed, or hides keys behind a validator that stays.
            valid = None if forced or turn.failures else entry
            response = proper(self._transport.get(_conditional(request, valid)))
        except ExchangeFailed as error:
            lead.word = str(error.reason)
            raise
        if response.status == 304 and entry is not None:
            renewed = {name: value for name, value in response.headers.items() if name in KEPT}
            response = Response(200, {**entry.headers, **renewed}, entry.body)
        if response.status == 200:
            lead.response = response
        else:
            lead.word = f"http_{response.status}"
        return Document(response)

    def _is_honest(self, turn: Turn, seen: KnownEntry) -> bool:
        """Whether its number can be: one without end would be the last that any process draws."""
        honest = seen.held < turn.number <= 1000 * (self._wall() + AHEAD)
        if not honest:
            self._fleet.reject(self._issuer, "number")
        return honest

    def _outage(self, place: str, turn: Turn) -> Outage | None:
        """What another process has sealed of a failure, if it is why the issuer is left alone."""
        outage = read_outage(self._fleet.seal, place, turn.word) if turn.verb == "paused" else None
        return outage if outage is not None and outage.is_recent(self._wall()) else None

    def _believes(self, seen: KnownEntry, outage: Outage | None) -> bool:
        """An issuer that goes on failing is left alone by a fleet of any size: each pause has its outage."""
        now = self._monotonic()
        if outage is not None:
            seen.refused = None
            return True
        seen.refused = now if seen.refused is None else seen.refused
        return now - seen.refused <= BELIEVED


def place_of(url: str) -> str:
    """The name of a document's place in a store: of its URL alone, and of nothing that a policy says."""
    return hashlib.sha256(url.encode()).hexdigest()


def _asked(request: Request, terms: Terms, held: int, writes: bool) -> Asked:
    return Asked(
        held=held,
        lease=request.timeout / 2,
        leads=writes,
        forced=terms.forced,
        draws=terms.draws,
        every=terms.every,
        least=terms.least,
    )


def _refusal(turn: Turn, outage: Outage | None) -> Exception:
    seconds = min(max(turn.seconds, 0.0), MAX_PAUSE)
    if turn.verb == "spent":
        return FleetBudgetSpent(seconds)
    return LeftAlone(seconds, outage.word if outage else "")


def _patience(left: float, turn: Turn, first: int) -> float:
    """Seconds to wait for another process: longer where one has taken the place of the first, which has died
    or is slow. Or else all that wait would ask an issuer at once that is about to answer."""
    return left * (_HALF if turn.number == first else _LONGER)


def _conditional(request: Request, entry: Entry | None) -> Request:
    """Ask whether the store's answer still holds, and not whether this process's does."""
    headers = {name: value for name, value in request.headers.items() if name not in _CONDITIONAL}
    for name, field in zip(_CONDITIONAL, ("etag", "last-modified"), strict=True):
        validator = "" if entry is None else entry.headers.get(field, "")
        if is_sendable(validator):
            headers[name] = validator
    return replace(request, headers=headers)


def _pause(failures: int, failure: IssuerFault) -> float:
    """For how long the fleet leaves the issuer alone: as one process would."""
    pause = min(MAX_BACKOFF, 2.0 ** min(failures, 6))
    wished = failure.retry_after if isinstance(failure, IssuerUnavailable) else None
    least, most = RETRY_AFTER
    return pause if wished is None else max(pause, min(max(wished, least), most))

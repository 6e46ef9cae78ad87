"""Turns: whose turn it is to ask an issuer, for all processes that share a store.

One place has one state. A process looks, and is told one of five things (`Turn`). The number that a leader
draws is the fence: an entry never gives way to one with a lower number, so a leader that froze and comes back
changes nothing. Numbers are at least the store's time in milliseconds, so they go up even where a store was
emptied or restored from a backup; and a process that holds a higher one lifts them past that.

The lock saves requests, and protects nothing: two leaders cost one request more. Times are in seconds, by the
store's clock. `RedisStore` has the same rules as a script; both pass the same tests.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rightkey.stores.store import Asked, Turn

MAX_PAUSE = 300.0
"""Seconds for which a whole fleet leaves an issuer alone at most: as long as a `Retry-After` is honoured."""


@dataclass(slots=True)
class PlaceState:
    """The state of one place."""

    number: int = 0
    """The latest that was drawn."""
    kept: int = 0
    """That of the entry."""
    began: float = 0.0
    """When it was drawn."""
    leading: int = 0
    """That of the leader; 0 where there is none."""
    until: float = 0.0
    """When its lease ends."""
    paused: float = 0.0
    """Until when the issuer is left alone by scheduled refreshes."""
    paused_forced: float = 0.0
    """The same for forced ones."""
    failures: int = 0
    """Leaders in a row that have brought nothing."""
    word: str = ""
    """How the last of them failed: an `Outage`, sealed."""
    spent: float = 0.0
    """Draws of the fleet's budget that were spent, as of `since`, less those that were refilled by then."""
    since: float = 0.0


_OF = {int: (int,), float: (int, float), str: (str,)}
_KINDS = {name: _OF[type(blank)] for name, blank in asdict(PlaceState()).items()}


def is_whole(place: PlaceState) -> bool:
    """Whether each part is of its type: another version may have written it, or a disk have changed it."""
    return all(type(getattr(place, name)) in kinds for name, kinds in _KINDS.items())


def look(place: PlaceState, asked: Asked, now: float) -> Turn:
    """Whose turn it is."""
    latest = max(place.number, asked.held)
    if place.kept > asked.held and not asked.anew:
        return Turn("found", latest, age=max(0.0, now - place.began))
    if not asked.leads:
        return Turn("lead", latest)
    pause = (place.paused_forced if asked.forced else place.paused) - now
    if 0 < pause <= MAX_PAUSE:
        return Turn("paused", latest, pause, word=place.word)
    lease = place.until - now
    if place.leading and 0 < lease <= asked.lease:  # more is no lease: the clock was set back
        return Turn("wait", latest, lease)
    if asked.forced:
        wait = _draw(place, asked, now)
        if wait:
            return Turn("spent", latest, wait)
    place.number = max(latest + 1, int(now * 1000))
    place.leading, place.until = place.number, now + asked.lease
    return Turn("lead", place.number, at=now, failures=place.failures)


def put(place: PlaceState, turn: Turn) -> bool:
    """Whether what a leader has brought is kept."""
    if place.leading == turn.number:
        place.leading = 0
    if turn.number <= place.kept:
        return False
    place.kept, place.began = turn.number, turn.at
    place.paused = place.paused_forced = 0.0
    place.failures = 0
    return True


def fail(place: PlaceState, turn: Turn, pause: float, word: str, forced: bool, now: float) -> None:
    """A leader has brought nothing. One whose place was taken is heard as well, where no newer entry is kept:
    if an issuer hangs, each lease ends before its leader's request."""
    if place.leading == turn.number:
        place.leading = 0
    if not pause or turn.number <= place.kept:
        return
    place.failures += 1
    place.word = word
    if forced:
        place.paused_forced = now + pause
    else:
        place.paused = now + pause


def _draw(place: PlaceState, asked: Asked, now: float) -> float:
    """Take a draw; or the seconds until there is one."""
    spent = max(0.0, place.spent - max(0.0, now - place.since) / asked.every)
    lacking = asked.least - (asked.draws - spent)
    if lacking <= 0:
        place.spent, place.since = spent + 1.0, now
    return max(0.0, lacking * asked.every)

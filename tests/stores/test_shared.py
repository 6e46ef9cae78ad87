"""Shared: one process asks, the others take; and no store is believed for long."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rightkey import IssuerMisbehaved, IssuerUnavailable
from rightkey.events import EntryRejected
from rightkey.exchange import ExchangeFailed, Request, Response
from rightkey.freshness.documents import FleetBudgetSpent, Terms
from rightkey.stores import local
from rightkey.stores.entry import SKEW, Entry
from rightkey.stores.fleet import Fleet
from rightkey.stores.local import DirectoryStore
from rightkey.stores.outage import Outage
from rightkey.stores.seal import Seal, seal_of
from rightkey.stores.shared import BELIEVED, MAX_URLS, KnownEntries, LeftAlone, Shared, place_of
from rightkey.stores.store import Asked, StoreFailed, Turn
from rightkey.stores.turns import MAX_PAUSE

URL = "https://a.example/jwks"
REQUEST = Request(URL, {"accept": "*/*", "if-none-match": '"own"', "if-modified-since": "own"})
TERMS = Terms(8.0, 7200.0)
FORCED = TERMS._replace(forced=True)
GOOD = Response(200, {"etag": '"1"'}, b"keys")
SEAL = seal_of(b"s" * 32)
NOW = 1_800_000_000.0


class World:
    """One time for the store and for all hosts, but where a test sets a host's."""

    def __init__(self, path: Path) -> None:
        self.now, self.path = NOW, path
        self.store: Any = DirectoryStore(str(path / "store"), clock=lambda: self.now)
        self.asleep: Callable[[], None] = lambda: None

    def process(self, *answers: Any, seal: Seal = SEAL, ahead: float = 0.0) -> Process:
        return Process(self, list(answers), seal, ahead)


class Process:
    """One process, with the transport's answers."""

    def __init__(self, world: World, answers: list[Any], seal: Seal, ahead: float) -> None:
        self.world, self.answers, self.ahead = world, answers, ahead
        self.requests, self.events = list[Request](), list[Any]()
        self.known, self.count = KnownEntries(), itertools.count(1)
        self.fleet = Fleet(
            world.store, seal, self.events.append, lambda issuer, name: None, lambda: world.now
        )

    def refresh(self) -> Shared:
        """The documents of one refresh."""
        return Shared(
            *("a.example", self, self.fleet, self.known, self.count.__next__),
            wall=lambda: self.world.now + self.ahead,
            monotonic=lambda: self.world.now,
            sleep=self._sleep,
        )

    def fetched(self, terms: Terms = TERMS) -> Any:
        """What one refresh gets, all of it good."""
        shared = self.refresh()
        document = shared.get(REQUEST, terms)
        if document.response.status == 200:
            shared.accept(URL)
        shared.end(None)
        return document

    def get(self, request: Request, /) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def _sleep(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.asleep()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Empty; the clock that runs from the boot goes with its time."""
    world = World(tmp_path)
    monkeypatch.setattr(local, "_boot", lambda: world.now - NOW)
    return world


def put(world: World, entry: Entry, seal: Seal = SEAL, place: str = place_of(URL), at: float = NOW) -> None:
    """An entry that a member wrote, or a stranger."""
    closed = seal.close("entry", place, entry.octets())
    world.store.put(place_of(URL), Turn("lead", entry.number, at=at), closed)


def entry(number: int = 1, wall: float = NOW, body: bytes = b"keys") -> Entry:
    return Entry(number, wall, URL, {"etag": '"1"'}, body)


def test_one_asks_and_the_others_take(world: World) -> None:
    """With the age of what was asked, and without asking."""
    one, two = world.process(GOOD), world.process()
    document = one.fetched()
    assert (document.response, document.age, document.moment) == (GOOD, 0.0, None)
    world.now += 100.0
    taken = two.fetched()
    assert taken.response == GOOD
    assert taken.age == pytest.approx(100.0, abs=1.0)
    assert two.fleet.status().taken == 1


def test_a_leader_asks_whether_the_stores_answer_still_holds(world: World) -> None:
    """Not its own, which another may have replaced. Without one in the store it asks for all of it."""
    renewed = Response(304, {"cache-control": "max-age=9", "date": "now", "server": "x"}, b"")
    one, two = world.process(GOOD), world.process(renewed)
    one.fetched()
    assert one.requests[0].headers == {"accept": "*/*"}
    two.fetched()
    again = two.fetched()
    assert two.requests[0].headers == {"accept": "*/*", "if-none-match": '"1"'}
    assert again.response == Response(
        200, {"etag": '"1"', "cache-control": "max-age=9", "date": "now"}, b"keys"
    )
    assert one.fetched().response == again.response


@pytest.mark.parametrize(("etag", "terms"), [("\x01", TERMS), ('"1"', FORCED), ("x" * 2_000, TERMS)])
def test_the_whole_document_is_asked_for_where_a_condition_may_harm(
    world: World, etag: str, terms: Terms
) -> None:
    """A validator that cannot be sent, and a token that needs newer keys."""
    one = world.process(Response(200, {"etag": etag}, b"keys"), GOOD)
    one.fetched()
    one.fetched(terms)
    assert one.requests[1].headers == {"accept": "*/*"}


def test_after_a_failure_there_is_no_condition(world: World) -> None:
    """It may be what the issuer fails at."""
    one = world.process(GOOD, Response(500, {}, b""), GOOD)
    one.fetched()
    shared = one.refresh()
    shared.get(REQUEST, TERMS)
    shared.end(IssuerUnavailable("keys_unavailable", "500"))
    world.now += 2.0
    one.fetched()
    assert ["if-none-match" in request.headers for request in one.requests] == [False, True, False]


def test_a_document_that_was_refused_is_not_shared(world: World) -> None:
    """Nor is any other status than 200; the lock is freed, and the issuer left alone by all."""
    one = world.process(
        Response(200, {}, b"<html>"), Response(503, {}, b""), ExchangeFailed("timeout", "late")
    )
    two = world.process()
    for failure, word in (
        (IssuerMisbehaved("keyset_invalid", "a page"), "keyset_invalid"),
        (IssuerUnavailable("keys_unavailable", "503", retry_after=40.0), "http_503"),
        (IssuerUnavailable("keys_unavailable", "late"), "timeout"),
    ):
        shared = one.refresh()
        with contextlib.suppress(ExchangeFailed):
            shared.get(REQUEST, TERMS)
        shared.end(failure)
        with pytest.raises(LeftAlone, match=word) as caught:
            two.fetched()
        world.now += caught.value.retry_after or 0.0
    assert caught.value.retry_after == 4.0  # the third failure in a row


def test_a_retry_after_is_shared(world: World) -> None:
    """As long as one process would honour it."""
    shared = world.process(Response(429, {}, b"")).refresh()
    shared.get(REQUEST, TERMS)
    shared.end(IssuerUnavailable("keys_unavailable", "429", retry_after=4_000.0))
    with pytest.raises(LeftAlone) as caught:
        world.process().fetched()
    assert caught.value.retry_after == 300.0


def test_a_word_of_a_strangers_is_not_told(world: World) -> None:
    """A store can hold any text."""
    assert "evil" not in str(LeftAlone(1.0, "evil\nline"))


def test_a_document_that_was_not_needed_frees_its_lock(world: World) -> None:
    """Such as that of an address that the issuer has left."""
    shared = world.process(Response(404, {}, b"")).refresh()
    shared.get(REQUEST, TERMS)
    shared.accept(URL)
    shared.end(None)
    assert world.store.look(place_of(URL), Asked()).verb == "wait"  # a lead without an answer to put in
    world.now += 60.0
    shared = world.process(Response(404, {}, b"")).refresh()
    shared.get(REQUEST, TERMS)
    shared.end(None)
    assert world.store.look(place_of(URL), Asked()).verb == "lead"


def test_a_process_waits_for_another(world: World) -> None:
    """And takes what that brings."""
    one, two = world.process(GOOD).refresh(), world.process()
    one.get(REQUEST, TERMS)
    naps = []

    def asleep() -> None:
        naps.append(world.now)
        if len(naps) == 5:
            one.accept(URL)

    world.asleep = asleep
    assert two.fetched().response == GOOD


def test_a_process_waits_half_of_its_time_and_then_asks_for_itself(world: World) -> None:
    """A store that says wait for ever costs half of a refresh's time."""

    class Waiting(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn("wait", 5, 1.0)

    world.store = Waiting(str(world.path / "w"))
    one = world.process(GOOD)
    assert one.fetched().response == GOOD
    assert world.now - NOW <= 4.0
    assert one.requests == [REQUEST]


def test_the_place_of_a_leader_that_died_is_taken(world: World) -> None:
    """After half of a request's time, while others wait."""
    world.process(GOOD).refresh().get(REQUEST, TERMS)
    heir = world.process(GOOD)
    assert heir.fetched().response == GOOD
    assert 2.0 <= world.now - NOW < 2.2


def test_a_process_waits_longer_where_another_has_taken_the_place_of_the_first(world: World) -> None:
    """All that wait would ask at once, just before it answers."""
    leaders = [world.process(GOOD).refresh() for _ in range(3)]
    began = list[float]()

    def asleep() -> None:
        if len(began) < len(leaders) and world.now >= began[-1] + 2.0:
            lead()
        elif world.now > NOW + 5.0:
            leaders[-1].accept(URL)

    def lead() -> None:
        began.append(world.now)
        leaders[len(began) - 1].get(REQUEST, TERMS)

    lead()
    world.asleep = asleep
    assert world.process().fetched().response == GOOD
    assert 5.0 < world.now - NOW < 5.2


def test_a_store_in_which_one_takes_the_place_of_another_for_ever_is_not_waited_for(world: World) -> None:
    """Then the process asks for itself, with a quarter of its time left."""

    class Moving(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn("wait", int(world.now), 1.0)

    world.store = Moving(str(world.path / "m"))
    one = world.process(GOOD)
    assert one.fetched().response == GOOD
    assert world.now - NOW <= 6.0


def test_a_spent_budget_is_no_failure(world: World) -> None:
    """The issuer is not asked, and nothing is wrong with it."""
    one = world.process(GOOD, GOOD)
    one.fetched(FORCED)
    one.fetched(FORCED)
    with pytest.raises(FleetBudgetSpent) as caught:
        one.fetched(FORCED)
    assert caught.value.seconds == pytest.approx(10.0)


def test_what_was_drawn_after_a_look_began_after_it(world: World) -> None:
    """So that an answer settles a token's question, without any clock."""
    one, two = world.process(GOOD, GOOD, GOOD), world.process()
    one.fetched()
    assert two.fetched().moment == 0  # drawn before the first look
    with pytest.raises(IndexError):
        two.fetched(FORCED)  # it leads: this look is its second, by count 2
    world.now += 10.0
    one.fetched(FORCED)
    assert two.fetched(FORCED).moment == 2


def test_an_answer_that_comes_while_one_waits_began_after_the_look(world: World) -> None:
    """If its number was drawn meanwhile."""
    dead, one, two = world.process(GOOD).refresh(), world.process(GOOD), world.process()
    dead.get(REQUEST, TERMS)

    def asleep() -> None:
        if world.now - NOW > 2.0 and not one.requests:
            one.fetched()

    world.asleep = asleep
    assert two.fetched().moment == 1


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ((entry(), seal_of(b"x" * 32), place_of(URL)), "seal"),
        ((entry(), SEAL, place_of("https://b.example/jwks")), "seal"),
    ],
)
def test_a_forged_entry_is_not_used(world: World, forged: Any, reason: str) -> None:
    """It is told, and replaced by what the issuer says."""
    put(world, *forged)
    one, two = world.process(GOOD), world.process()
    assert one.fetched().response == GOOD
    assert EntryRejected("a.example", world.store.name, reason) in one.events
    assert len(one.requests) == 1
    assert two.fetched().response == GOOD
    assert two.events == []


def test_an_entry_of_another_version_is_not_used(world: World) -> None:
    """Though a member wrote it."""
    closed = SEAL.close("entry", place_of(URL), b"{}\n")
    world.store.put(place_of(URL), Turn("lead", 5, at=NOW), closed)
    one = world.process(GOOD)
    assert one.fetched().response == GOOD
    assert one.events[0].reason == "unreadable"


def test_an_entry_that_was_rolled_back_is_not_used(world: World) -> None:
    """By a store that names it new, or was restored: it is told, and the fleet goes on from above."""
    one = world.process(GOOD, GOOD, GOOD)
    one.fetched()
    kept = world.path / "store" / place_of(URL)
    yesterday = kept.read_bytes()
    world.now += 10.0
    one.fetched()
    kept.write_bytes(yesterday)
    one.fetched()
    assert [event.reason for event in one.events] == ["older"]
    assert "if-none-match" not in one.requests[-1].headers
    place = world.store._read(place_of(URL))
    replayed = replace(place.place, kept=place.place.kept + 10**6)
    place.place, place.entry = replayed, yesterday.partition(b"\n")[2]
    world.store._write(place_of(URL), place.octets())
    one.answers = [GOOD]
    one.fetched()
    assert [event.reason for event in one.events] == ["older"] * 3


def test_an_old_entry_is_as_old_as_its_writer_says(world: World) -> None:
    """Whatever the store's clock says; one past every bound is replaced."""
    put(world, entry(wall=NOW - 3_000.0))
    assert world.process().fetched().age == pytest.approx(2_940.0)
    world.now += 10_000.0
    assert world.process(GOOD).fetched().age == 0.0


def test_a_host_whose_clock_is_wrong_asks_for_itself(world: World) -> None:
    """It is slower, and no key lives longer."""
    put(world, entry(), at=NOW)
    assert world.process(GOOD, ahead=20_000.0).fetched().age == 0.0
    assert world.process(ahead=-7_000.0).fetched().age == pytest.approx(0.0, abs=1.0)


def test_numbers_without_end_are_not_believed(world: World) -> None:
    """They would be the last that any process draws."""

    class Endless(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn("lead", 2**52, at=NOW)

    world.store = Endless(str(world.path / "e"))
    one = world.process(GOOD)
    assert one.fetched().response == GOOD
    assert one.events[0].reason == "number"
    assert one.requests == [REQUEST]


@pytest.mark.parametrize("verb", ["spent", "paused"])
def test_a_store_that_refuses_for_ever_is_obeyed_for_a_while(world: World, verb: Any) -> None:
    """Then the process asks for itself, by a budget of its own."""

    class Refusing(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn(verb, 5, 10**9, word="timeout")

    world.store = Refusing(str(world.path / "r"))
    one = world.process(GOOD)
    with pytest.raises((FleetBudgetSpent, LeftAlone)) as caught:
        one.fetched(FORCED)
    assert getattr(caught.value, "seconds", getattr(caught.value, "retry_after", None)) == 300.0
    world.now += 300.0
    assert one.fetched(FORCED).response == GOOD


def test_an_issuer_that_goes_on_failing_is_asked_by_one_process_alone(world: World) -> None:
    """Or else each of a fleet would ask it for itself after 90 s, and it would never get up again."""
    one, two = world.process(*[Response(503, {}, b"")] * 20), world.process()
    for _ in range(20):
        shared = one.refresh()
        shared.get(REQUEST, TERMS)
        shared.end(IssuerUnavailable("keys_unavailable", "503", retry_after=60.0))
        with pytest.raises(LeftAlone, match="http_503"):
            two.fetched()
        world.now += 60.0
    assert two.requests == []


def test_an_old_outage_is_no_reason_to_leave_an_issuer_alone(world: World) -> None:
    """A store may tell it for ever: sealed it is, and was true once."""
    sealed = Outage(NOW, "timeout").sealed(SEAL, place_of(URL))

    class Telling(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn("paused", 5, 10.0, word=sealed)

    world.store = Telling(str(world.path / "t"))
    one = world.process(GOOD)
    while not one.requests:
        with contextlib.suppress(LeftAlone):
            one.fetched()
        world.now += 10.0
    assert MAX_PAUSE + SKEW < world.now - NOW < MAX_PAUSE + SKEW + BELIEVED + 40.0


def test_a_store_that_always_finds_is_not_asked_for_ever(world: World) -> None:
    """What it finds is no entry."""

    class Finding(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            return Turn("found", 5)

    world.store = Finding(str(world.path / "f"))
    assert world.process(GOOD).fetched().response == GOOD


def test_without_a_store_all_is_as_it_was(world: World) -> None:
    """Headers and all."""

    class Gone(DirectoryStore):
        def look(self, place: str, asked: Asked, /) -> Turn:
            raise StoreFailed("timeout", "gone")

    world.store = Gone(str(world.path / "g"))
    one = world.process(Response(304, {}, b""))
    assert one.fetched().response.status == 304
    assert one.requests == [REQUEST]


def test_a_store_that_is_lost_midway_costs_nothing(world: World) -> None:
    """The answer is used, though it could not be put in."""

    class Full(DirectoryStore):
        def put(self, place: str, turn: Turn, entry: bytes, /) -> None:
            raise StoreFailed("OutOfMemoryError", "full")

    world.store = Full(str(world.path / "full"))
    assert world.process(GOOD).fetched().response == GOOD


def test_a_member_that_only_reads_takes_what_is_there_and_else_asks(world: World) -> None:
    """And puts nothing in."""
    reads = Seal(SEAL.length, SEAL.checks)
    member = world.process(GOOD, seal=reads)
    assert member.fetched().response == GOOD
    assert world.store.look(place_of(URL), Asked(leads=False)).entry is None
    put(world, entry(number=int(NOW * 1000)))
    assert member.fetched().response.body == b"keys"
    assert len(member.requests) == 1


def test_addresses_are_remembered_up_to_a_bound() -> None:
    """An issuer may move its keys each hour."""
    known = KnownEntries()
    known.of("first").held = 5
    for count in range(MAX_URLS):
        known.of(str(count))
    assert known.of("first").held == 0

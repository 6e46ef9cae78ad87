"""Turns: the same rules in every store."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rightkey.stores import turns
from rightkey.stores.store import Asked, Store

PLACE = "a" * 64
LOOK = Asked(lease=3600.0)
"""By a lease, and below by a budget, that outlast whatever a busy machine takes from one line to the next."""
FORCED = replace(LOOK, forced=True, draws=2, every=3600.0)


class Since:
    """The time that has passed since it was made, by the clock that stores go by."""

    def __init__(self) -> None:
        self._began = time.time()

    def left(self, seconds: float, of: float) -> bool:
        """Whether so many seconds are what is left by now of those. A server counts in milliseconds."""
        return of - (time.time() - self._began) - 0.01 <= seconds <= of


def test_one_leads_and_the_others_wait(store: Store) -> None:
    """For as long as its lease lasts."""
    since = Since()
    lead = store.look(PLACE, LOOK)
    assert lead.verb == "lead"
    wait = store.look(PLACE, LOOK)
    assert (wait.verb, wait.number) == ("wait", lead.number)
    assert since.left(wait.seconds, LOOK.lease)


def test_what_the_leader_brings_is_found_by_those_who_hold_less(store: Store) -> None:
    """With its age; who holds it already leads next."""
    since = Since()
    lead = store.look(PLACE, Asked())
    store.put(PLACE, lead, b"entry\n\0 of octets")
    found = store.look(PLACE, Asked())
    assert (found.verb, found.entry, found.number) == ("found", b"entry\n\0 of octets", lead.number)
    assert since.left(-found.age, 0.0)
    again = store.look(PLACE, Asked(held=lead.number))
    assert again.verb == "lead"
    assert again.number > lead.number
    assert again.entry == found.entry  # so that the issuer can be asked whether it still holds


def test_places_are_apart(store: Store) -> None:
    """A leader at one place is none at another."""
    store.look(PLACE, Asked())
    assert store.look("b" * 64, Asked()).verb == "lead"


@pytest.mark.slow
def test_the_place_of_a_dead_leader_is_taken(store: Store) -> None:
    """After its lease; and what it then brings does not undo what its successor brought."""
    dead = store.look(PLACE, Asked(lease=0.05))
    time.sleep(0.06)
    heir = store.look(PLACE, Asked(lease=0.05))
    assert heir.verb == "lead"
    store.put(PLACE, heir, b"new")
    store.put(PLACE, dead, b"old")
    assert store.look(PLACE, Asked()).entry == b"new"


def test_a_lock_is_freed_by_its_owner_alone(store: Store) -> None:
    """A leader that froze must not end the lease of its successor."""
    dead = store.look(PLACE, Asked(lease=0.05))
    time.sleep(0.06)
    heir = store.look(PLACE, LOOK)
    store.put(PLACE, dead, b"old")
    store.fail(PLACE, dead, 60.0, "timeout", False)
    assert store.look(PLACE, replace(LOOK, held=dead.number)).verb == "wait"
    store.put(PLACE, heir, b"new")
    assert store.look(PLACE, Asked()).entry == b"new"
    store.fail(PLACE, dead, 60.0, "timeout", False)
    assert store.look(PLACE, Asked(held=heir.number)).verb == "lead"


@pytest.mark.slow
def test_a_leader_that_hung_for_longer_than_its_lease_is_heard(store: Store) -> None:
    """Or else an issuer that hangs is never left alone: there is always another that asks."""
    hung = store.look(PLACE, Asked(lease=0.05))
    time.sleep(0.06)
    heir = store.look(PLACE, Asked())
    store.fail(PLACE, hung, turns.MAX_PAUSE, "timeout", False)
    assert store.look(PLACE, Asked()).verb == "paused"
    store.put(PLACE, heir, b"new")
    assert store.look(PLACE, Asked(held=heir.number)).verb == "lead"


def test_an_issuer_that_failed_is_left_alone_by_all(store: Store) -> None:
    """Scheduled and forced requests apart, as in one process; a good answer ends it."""
    lead, since = store.look(PLACE, Asked()), Since()
    store.fail(PLACE, lead, turns.MAX_PAUSE, "http_503", False)
    paused = store.look(PLACE, Asked())
    assert (paused.verb, paused.word) == ("paused", "http_503")
    assert since.left(paused.seconds, turns.MAX_PAUSE)
    forced = store.look(PLACE, FORCED)
    assert (forced.verb, forced.failures) == ("lead", 1)
    store.fail(PLACE, forced, turns.MAX_PAUSE, "timeout", True)
    assert store.look(PLACE, FORCED).verb == "paused"


def test_a_good_answer_ends_every_pause(store: Store) -> None:
    """The issuer is well."""
    lead = store.look(PLACE, Asked())
    store.fail(PLACE, lead, turns.MAX_PAUSE, "http_503", False)
    forced = store.look(PLACE, FORCED)
    store.put(PLACE, forced, b"good")
    assert store.look(PLACE, Asked(held=forced.number)).verb == "lead"


def test_a_leader_without_a_need_frees_its_lock(store: Store) -> None:
    """And no pause begins."""
    store.fail(PLACE, store.look(PLACE, Asked()), 0.0, "", False)
    assert store.look(PLACE, Asked()).verb == "lead"


def test_the_fleet_has_one_budget(store: Store) -> None:
    """Two draws at once, and one more every so often; who may not take the last is told sooner."""
    asked, since = FORCED, Since()
    for _ in range(2):
        lead = store.look(PLACE, asked)
        assert lead.verb == "lead"
        store.put(PLACE, lead, b"nothing new")
        asked = replace(asked, held=lead.number)
    spent = store.look(PLACE, asked)
    assert spent.verb == "spent"
    assert since.left(spent.seconds, asked.every)
    assert since.left(store.look(PLACE, replace(asked, least=2.0)).seconds, 2 * asked.every)
    assert store.look(PLACE, replace(asked, forced=False)).verb == "lead"


def test_the_last_draw_is_kept(store: Store) -> None:
    """For what may be the first token of a rotation."""
    first = store.look(PLACE, replace(FORCED, least=2.0))
    store.put(PLACE, first, b"nothing new")
    assert store.look(PLACE, replace(FORCED, least=2.0, held=first.number)).verb == "spent"
    assert store.look(PLACE, replace(FORCED, held=first.number)).verb == "lead"


def test_numbers_go_on_where_a_store_was_emptied(store: Store) -> None:
    """They are at least the time, and above all that a process holds."""
    held = int(time.time() * 1000) + 3_600_000
    lead = store.look(PLACE, Asked(held=held))
    assert lead.number == held + 1
    before, number, after = time.time(), store.look("b" * 64, Asked()).number, time.time()
    assert int(before * 1000) <= number <= after * 1000


def test_an_entry_of_no_use_is_passed_over(store: Store) -> None:
    """As if there were none, but that it can be replaced."""
    lead = store.look(PLACE, Asked())
    store.put(PLACE, lead, b"forged")
    assert store.look(PLACE, Asked(anew=True)).verb == "lead"


def test_who_may_not_write_does_not_lead(store: Store) -> None:
    """It takes what is there, or is told to ask for itself; and keeps no other waiting."""
    assert store.look(PLACE, Asked(leads=False)).verb == "lead"
    assert store.look(PLACE, Asked()).verb == "lead"


def test_records_last_and_are_counted_once(store: Store) -> None:
    """The version moves when there is a new one."""
    first = store.version()
    store.add(b"one\0\n")
    second = store.version()
    store.add(b"one\0\n")
    assert second == store.version()
    assert first != second
    store.add(b"two")
    assert store.version() != second
    assert sorted(store.records()) == [b"one\0\n", b"two"]


@pytest.mark.parametrize("back", [10.0, 7200.0])
def test_a_clock_that_is_set_back_holds_nothing_up(back: float) -> None:
    """A lease or a pause that is longer than it can be is none."""
    place = turns.PlaceState()
    turns.look(place, Asked(), 1_000_000.0)
    assert turns.look(place, Asked(), 1_000_000.0 - back).verb == "lead"
    turns.fail(
        place, turns.look(turns.PlaceState(place.number, leading=0), Asked(), 5.0), 1.0, "", False, 9.0
    )
    place = turns.PlaceState(paused=1_000_000.0)
    assert turns.look(place, Asked(), 1_000_000.0 - turns.MAX_PAUSE - back).verb == "lead"

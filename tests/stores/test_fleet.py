"""Fleet: a store that fails is never a reason to fail, and what is distrusted comes back into it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rightkey.events import EntryRejected, StoreBack, StoreLost
from rightkey.stores.fleet import MAX_LEFT_ALONE, Fleet
from rightkey.stores.local import DirectoryStore
from rightkey.stores.seal import UNSEALED, Seal, seal_of
from rightkey.stores.store import StoreFailed

OLD, NEW = b"o" * 32, b"n" * 32


class Broken(DirectoryStore):
    """Fails as long as it is told to."""

    error: Exception | None = None

    def version(self) -> Any:
        self._fail()
        return super().version()

    def records(self) -> Iterable[bytes]:
        self._fail("records")
        return super().records()

    def add(self, record: bytes, /) -> None:
        self._fail()
        super().add(record)

    def _fail(self, what: str = "") -> None:
        error = type(self).error
        if error is not None and (not error.args or what in error.args[0]):
            raise error


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Of a store."""
    Broken.error = None
    return str(tmp_path / "store")


class Process:
    """One process's part, with what it was told and what it refuses."""

    def __init__(self, path: str, seal: Seal = UNSEALED) -> None:
        self.now, self.events, self.refused = 0.0, list[Any](), list[tuple[str, str]]()
        self.store = Broken(path)
        self.fleet = Fleet(self.store, seal, self.events.append, self._refuse, lambda: self.now)

    def _refuse(self, issuer: str, name: str) -> None:
        self.refused.append((issuer, name))


@pytest.mark.parametrize(
    ("error", "reason"), [(StoreFailed("timeout", "timeout"), "timeout"), (KeyError("records"), "KeyError")]
)
def test_a_failure_is_told_once_and_the_end_of_it_too(path: str, error: Exception, reason: str) -> None:
    """Whatever a store raises."""
    one = Process(path)

    def fail() -> None:
        raise error

    assert one.fleet.call(fail) is None
    assert one.fleet.call(fail, patiently=True) is None
    assert one.fleet.status().available is False
    one.now = 5.0
    assert one.fleet.call(lambda: 5, patiently=True) == 5
    assert one.events == [StoreLost("", one.store.name, reason), StoreBack("", one.store.name, 5.0)]
    assert one.fleet.status().available


def test_a_store_that_failed_is_left_alone_for_a_while(path: str) -> None:
    """For half a minute at most; a refresh does not wait for it meanwhile."""
    one, calls = Process(path), list[float]()

    def fail() -> None:
        calls.append(one.now)
        raise StoreFailed("timeout", "")

    for _ in range(400):
        one.fleet.call(fail)
        one.now += 1.0
    assert 12 < len(calls) < 40
    assert max(b - a for a, b in itertools.pairwise(calls)) <= MAX_LEFT_ALONE + 1


def test_distrust_reaches_the_others(path: str) -> None:
    """Once, and durably: a process that is started later learns it too."""
    one, two = Process(path, seal_of(NEW)), Process(path, seal_of(NEW))
    two.fleet.poll()
    assert two.fleet.status().distrust_age == 0
    assert one.fleet.distrust("https://a.example", "kid")
    two.fleet.poll()
    two.fleet.poll()
    later = Process(path, seal_of(NEW))
    later.fleet.poll()
    assert two.refused == later.refused == [("https://a.example", "kid")]
    assert one.refused == []
    assert two.fleet.status().distrusted == 1


def test_a_store_that_was_emptied_is_told_again(path: str) -> None:
    """By any process that knows; nothing is trusted again."""
    one = Process(path)
    one.fleet.distrust("i", "kid")
    one.fleet.poll()
    Path(path, "distrusted").unlink()
    one.fleet.poll()
    later = Process(path)
    later.fleet.poll()
    assert later.refused == [("i", "kid")]


def test_what_could_not_be_told_is_told_later(path: str) -> None:
    """The process refuses it meanwhile, and says that the store does not have it."""
    one = Process(path)
    Broken.error = StoreFailed("timeout", "")
    assert one.fleet.distrust("i", "kid") is False
    one.fleet.poll(patiently=True)
    Broken.error = StoreFailed("records", "")
    Broken.error.args = ("records",)
    one.fleet.poll(patiently=True)
    assert one.fleet.status().distrust_age is None
    Broken.error = None
    one.fleet.poll(patiently=True)
    later = Process(path)
    later.fleet.poll()
    assert later.refused == [("i", "kid")]


def test_a_full_store_is_told_again_and_again(path: str) -> None:
    """Until it has room."""
    one = Process(path)
    Process(path).fleet.distrust("i", "other")

    def full(record: bytes, /) -> None:
        raise StoreFailed("full", "")

    object.__setattr__(one.store, "add", full)
    one.fleet.distrust("i", "kid")
    one.fleet.poll(patiently=True)
    assert one.refused == [("i", "other")]
    object.__delattr__(one.store, "add")
    one.fleet.poll(patiently=True)
    later = Process(path)
    later.fleet.poll()
    assert sorted(later.refused) == [("i", "kid"), ("i", "other")]


def test_a_new_secret_seals_the_old_records_again(path: str) -> None:
    """So that they last when the old one is left out."""
    Process(path, seal_of(OLD)).fleet.distrust("i", "kid")
    Process(path, seal_of((NEW, OLD))).fleet.poll()
    later = Process(path, seal_of(NEW))
    later.fleet.poll()
    assert later.refused == [("i", "kid")]
    assert later.events == [EntryRejected("", later.store.name, "seal")]


def test_a_forged_record_distrusts_nothing(path: str) -> None:
    """Nor does one that is no record, though it is authentic."""
    seal = seal_of(NEW)
    one = Process(path, seal)
    one.store.add(b"forged" * 20)
    one.store.add(seal.close("distrust", "distrust", b'["one"]'))
    one.store.add(seal.close("distrust", "distrust", b"5"))
    one.fleet.poll()
    assert one.refused == []
    assert one.events == [EntryRejected("", one.store.name, "seal")] * 3
    assert one.fleet.status().rejected == 3


def test_a_member_that_only_reads_tells_no_other(path: str) -> None:
    """It refuses the key itself, and says that the fleet does not know."""
    reads = Seal(UNSEALED.length, UNSEALED.checks)
    one = Process(path, reads)
    assert one.fleet.distrust("i", "kid") is False
    Process(path).fleet.distrust("i", "other")
    one.fleet.poll()
    assert one.refused == [("i", "other")]
    assert len(list(one.store.records())) == 1

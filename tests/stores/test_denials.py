"""Denials: what one process denies, all refuse, and what it knows it does not forget."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.stores.conftest import SECRET, Open, Server

from rightkey.events import EntryRejected
from rightkey.stores import journal, redis
from rightkey.stores.denials import LATE, READ_WHOLE, SharedDenials
from rightkey.stores.fleet import Fleet
from rightkey.stores.local import DirectoryStore
from rightkey.stores.seal import Seal, seal_of
from rightkey.stores.store import Denying, News, StoreFailed, StoreRefused
from rightkey.verdict.denylist import Denial, DenialSet, key_of

ISSUER, FAR = "https://issuer.example", 4e9


def entry(number: int, until: float = FAR) -> Denial:
    return Denial(key_of(ISSUER, "sid", str(number)), inf, until)


class Process:
    """One process's part."""

    def __init__(self, store: Any, seal: Seal | None = None, most: int = 1000) -> None:
        self.now, self.events, self.store = 1000.0, list[Any](), store
        fleet = Fleet(store, seal or seal_of(SECRET), self.events.append, lambda *_: None, lambda: self.now)
        self.list = SharedDenials(fleet, store, DenialSet(threading.Lock(), most), lambda: self.now)

    def knows(self, number: int) -> bool:
        return self.list.denied.reason([ISSUER], {"sid": str(number)}, time.time()) is not None


def test_a_record_is_read_once(store: Any) -> None:
    """From where one ended; all of it by one who has read nothing."""
    assert isinstance(store, Denying)
    start = store.denied(None)
    assert (start.records, store.denied(start.position)) == ([], News(start.position, False, []))
    store.deny(b"a" * 80, FAR)
    store.deny(b"b" * 80, FAR)
    first = store.denied(start.position)
    assert sorted(first.records) == [b"a" * 80, b"b" * 80]
    store.deny(b"c" * 80, FAR)
    second = store.denied(first.position)
    assert (second.records, second.whole) == ([b"c" * 80], False)
    assert len(store.denied(None).records) == 3
    assert store.denied(None).whole
    assert store.denied(("other", 5)).whole


@pytest.mark.slow
def test_processes_that_deny_at_once_lose_nothing(store: Any) -> None:
    """16 threads, 25 records each."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: [store.deny(b"%080d" % (25 * n + k), FAR) for k in range(25)], range(16)))
    assert {int(one) for one in store.denied(None).records} == set(range(400))


def test_a_denial_reaches_the_others(store: Any) -> None:
    """And those that start later; each is late until it has read."""
    one, two = Process(store), Process(store)
    assert two.list.late
    assert two.list.age == inf
    two.list.poll()
    assert not two.list.late
    one.list.deny(entry(1))
    assert one.knows(1)
    two.list.poll()
    later = Process(store)
    later.list.catch_up()
    assert two.knows(1)
    assert later.knows(1)
    assert not two.knows(2)
    two.now += LATE + 1
    assert two.list.late
    two.list.catch_up()
    two.list.catch_up()
    assert not two.list.late
    assert not two.events


def test_a_store_that_was_emptied_is_told_again(tmp_path: Path, server: Server, opened: Open) -> None:
    """By any process that knows, also one that reads all only now and then."""
    directory = DirectoryStore(str(tmp_path / "store"))
    remote = opened(server.url)
    for store, empty in (
        (directory, (tmp_path / "store" / "denied").unlink),
        (remote, remote._client.flushall),
    ):
        one = Process(store)
        one.list.deny(entry(1))
        one.list.deny(entry(2, until=1.0))
        one.list.poll()
        empty()
        one.list.poll()
        later = Process(store)
        later.list.poll()
        assert later.knows(1)
        assert len(store.denied(None).records) == 1


def test_a_restored_store_is_read_whole_in_time(server: Server, opened: Open) -> None:
    """What a backup lacked is put in again, though its position is known."""
    store = opened(server.url)
    one = Process(store)
    one.list.deny(entry(1))
    one.list.poll()
    names = redis._DENIED
    store._client.delete(*names[:2])
    one.list.poll()
    assert store.denied(None).records == []
    one.now += READ_WHOLE + 1
    one.list.poll()
    assert len(store.denied(None).records) == 1


def test_what_the_fleet_has_not_sealed_is_not_used(store: Any) -> None:
    """Nor what is sealed for something else, or of another version."""
    seal = seal_of(SECRET)
    for record in (
        b"x" * 80,
        seal.close("distrust", "distrust", entry(1).octets()),
        seal.close("deny", "deny", entry(1).octets() + b"more"),
        seal_of(b"n" * 32).close("deny", "deny", entry(1).octets()),
    ):
        store.deny(record, FAR)
    one = Process(store)
    one.list.poll()
    assert one.events == [EntryRejected("", store.name, "seal")] * 4
    assert not one.knows(1)


def test_a_new_secret_is_told_everything(store: Any) -> None:
    """Before the old one is gone, all is under the new one."""
    new = b"n" * 32
    Process(store).list.deny(entry(1))
    both = Process(store, seal_of((new, SECRET)))
    both.list.poll()
    alone = Process(store, seal_of(new))
    alone.list.poll()
    assert both.knows(1)
    assert not alone.knows(1)
    both.list.deny(entry(2))
    alone.list.poll()
    assert alone.knows(2)


def test_one_that_only_reads_denies_nothing(store: Any) -> None:
    """It says so; what others deny it refuses."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    reader, writer = Process(store, seal_of(public)), Process(store, seal_of(pem))
    writer.list.deny(entry(1))
    reader.list.poll()
    assert reader.knows(1)
    with pytest.raises(StoreRefused, match="private"):
        reader.list.deny(entry(2))
    assert reader.knows(2)
    reader.list._since = None
    reader.list.poll()
    assert len(store.denied(None).records) == 1


def test_a_full_list_refuses(store: Any) -> None:
    """Of the process, and of the store."""
    one = Process(store, most=1)
    one.list.deny(entry(1))
    with pytest.raises(StoreRefused, match="no room"):
        one.list.deny(entry(2))


def test_a_list_that_is_not_known_whole_is_late(store: Any) -> None:
    """Of a store that keeps more than a process has room for: `on_loss` counts then."""
    one, small = Process(store), Process(store, most=1)
    for number in range(2):
        one.list.deny(entry(number))
    small.list.poll()
    assert small.list.late
    assert len(small.list.denied) == 1


def test_a_full_store_refuses(
    tmp_path: Path, server: Server, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that asked refuses it all the same, and the store is not lost."""
    monkeypatch.setattr(journal, "MAX_DENIED", 2)
    monkeypatch.setattr(journal, "_GROWTH", 100)
    monkeypatch.setattr(redis, "_DENY", redis._DENY.replace("100000", "2"))
    for store in (DirectoryStore(str(tmp_path / "store")), opened(server.url)):
        one = Process(store)
        taken = 0
        while taken < 10 and took(one, entry(taken)):
            taken += 1
        assert 2 <= taken <= 4
        assert one.knows(taken)
        assert one.events == []


def test_what_a_full_store_lacks_is_tried_again(tmp_path: Path) -> None:
    """With each look, until it has room."""
    store = DirectoryStore(str(tmp_path / "store"))
    one, tries = Process(store), list[bytes]()

    class Full:
        def deny(self, record: bytes, until: float) -> None:
            tries.append(record)
            raise StoreRefused("full", "full")

        def denied(self, since: Any) -> News:
            return store.denied(since)

    one.list._store = Full()  # type: ignore[assignment]
    with pytest.raises(StoreRefused):
        one.list.deny(entry(1))
    one.list.poll()
    one.list.poll()
    assert len(tries) == 3
    one.list._store = store
    one.list.poll()
    assert len(store.denied(None).records) == 1


def took(one: Process, denial: Denial) -> bool:
    """Whether it was taken, or is one too many."""
    try:
        one.list.deny(denial)
    except StoreRefused:
        return False
    return True


def test_a_lost_store_is_told_when_it_is_back(tmp_path: Path) -> None:
    """The process refuses it meanwhile."""
    store = DirectoryStore(str(tmp_path / "store"))
    (tmp_path / "store" / "denied").mkdir()
    one = Process(store)
    with pytest.raises(StoreFailed, match="gives no answer"):
        one.list.deny(entry(1))
    one.list.poll()
    assert one.knows(1)
    assert one.list.late
    (tmp_path / "store" / "denied").rmdir()
    one.list.poll(patiently=True)
    later = Process(store)
    later.list.poll()
    assert later.knows(1)


def test_of_many_that_are_late_one_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for it, and read nothing."""
    monkeypatch.setattr("rightkey.stores.denials._PATIENCE", 60.0)
    store = DirectoryStore(str(tmp_path / "store"))
    one, reads = Process(store), list[Any]()

    class Slow:
        def denied(self, since: Any) -> News:
            reads.append(since)
            time.sleep(0.05)
            return store.denied(since)

    one.list._store = Slow()  # type: ignore[assignment]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: one.list.catch_up(), range(8)))
    assert reads == [None]


def test_a_forked_child_waits_for_no_thread_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another thread held at the fork is left behind."""
    monkeypatch.setattr("rightkey.stores.denials._PATIENCE", 0.01)
    one = Process(DirectoryStore(str(tmp_path / "store")))
    held = one.list._reading
    held.acquire()
    one.list.catch_up()
    assert not one.list.late
    assert one.list._reading is not held


# -- the file of a directory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "denied"


def put(path: Path, record: bytes, until: float = FAR, now: float = 1000.0) -> None:
    anew = journal.append(path, record, until, now)
    if anew is not None:
        path.write_bytes(anew)


def test_what_has_ended_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is written anew; readers then begin again, and what is there twice is there once."""
    monkeypatch.setattr(journal, "_GROWTH", 200)
    put(path, b"ended", until=1001.0)
    put(path, b"stays")
    put(path, b"stays")
    position = journal.read(path, None).position
    for number in range(20):
        put(path, b"%d" % number, now=2000.0)
    news = journal.read(path, position)
    assert news.whole
    assert news.records == [b"stays", *[b"%d" % number for number in range(20)]]


@pytest.mark.parametrize("torn", [b"123 YW", b"no number\n", b"123 !!\n", b"123\n", b"\n"])
def test_a_torn_line_is_passed_over(path: Path, torn: bytes) -> None:
    """And what is added after it is read."""
    put(path, b"a")
    position = journal.read(path, None).position
    path.write_bytes(path.read_bytes() + torn)
    put(path, b"b")
    assert journal.read(path, position).records[-1] == b"b"


@pytest.mark.parametrize("octets", [b"", b"x", b"x\n", b"x y\n123 YQ==\n"])
def test_a_file_of_others_is_written_anew(path: Path, octets: bytes) -> None:
    """Whatever stands in its first line."""
    path.write_bytes(octets)
    put(path, b"new")
    assert journal.read(path, None).records[-1] == b"new"


def test_what_is_still_being_written_is_read_later(path: Path) -> None:
    """A line counts once it has its end."""
    put(path, b"a")
    whole = path.read_bytes()
    path.write_bytes(whole + b"4000000000 Yg")
    first = journal.read(path, None)
    assert first.records == [b"a"]
    path.write_bytes(whole + b"4000000000 Yg==\n")
    assert journal.read(path, first.position).records == [b"b"]


@pytest.mark.slow
def test_a_server_forgets_what_has_ended(server: Server, opened: Open) -> None:
    """A minute after its end, with the next record; and pages of a long list are read on."""
    store = opened(server.url)
    for number in range(5):
        store.deny(b"%d" % number, time.time() - 100)
    for number in range(2500):
        store.deny(b"%080d" % number, FAR)
    records = store.denied(None).records
    assert len(records) == len(set(records)) == 2500
    assert store._client.zcard("rightkey:{deny}:ends") == 2500

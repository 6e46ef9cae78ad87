"""Used: a mark in a store is the first once, and is refused where there is no room to keep it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.stores.conftest import SECRET, Open, Server

from rightkey.stores import redis, used
from rightkey.stores.fleet import Fleet
from rightkey.stores.local import DirectoryStore
from rightkey.stores.redis import RedisStore
from rightkey.stores.seal import seal_of
from rightkey.stores.store import Marking, StoreFailed, StoreRefused


def mark_of(number: int) -> bytes:
    """One of 32 octets, in one of 256 folders."""
    return bytes([number % 256]) + number.to_bytes(31)


def test_a_mark_is_the_first_once(store: Any) -> None:
    """In every kind of store, for whatever time it comes with."""
    assert isinstance(store, Marking)
    firsts = [store.mark(mark_of(number), 300.0) for number in (1, 2, 1, 1, 257, 2)]
    assert firsts == [True, True, False, False, True, False]
    assert store.mark(mark_of(1), 0.0) is False


@pytest.mark.slow
def test_of_many_threads_one_is_the_first(store: Any) -> None:
    """64 threads, 20 marks."""
    with ThreadPoolExecutor(64) as pool:
        start = threading.Barrier(64)

        def use(_: int) -> int:
            start.wait()
            return sum(store.mark(mark_of(number), 300.0) for number in range(20))

        assert sum(pool.map(use, range(64))) == 20


RACER = """if True:
    import json, sys
    from rightkey.sources.fleets import opened_store
    from rightkey.stores.store import StoreFailed
    store, first, failed = opened_store(sys.argv[1]), [], []
    print("ready", flush=True)
    sys.stdin.read(1)
    for number in range(500):
        try:
            if store.mark(b"%032d" % number, 300.0):
                first.append(number)
        except StoreFailed:  # of a server that this machine gave no time
            failed.append(number)
    print(json.dumps([first, failed]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["directory", "redis"])
def test_of_many_processes_one_is_the_first(
    kind: str, tmp_path: Path, servers: Callable[[str], Server]
) -> None:
    """Four at once, with 500 marks."""
    url = f"file://{tmp_path / 'store'}" if kind == "directory" else servers("redis").url
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", RACER, url], **pipes) for _ in range(4)]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 4
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("x")
        racer.stdin.flush()
    told = [json.loads(racer.communicate(timeout=300)[0]) for racer in racers]
    accepted = [number for first, _ in told for number in first]
    assert len(accepted) == len(set(accepted))
    assert set(accepted) | {number for _, failed in told for number in failed} == set(range(500))


def test_files_are_ours_alone_and_go_when_they_have_ended(tmp_path: Path) -> None:
    """By the next look at their folder."""
    now = [1_000_000.0]
    store = DirectoryStore(str(tmp_path / "store"), clock=lambda: now[0])
    for number in range(0, 256 * used._LOOK, 256):
        assert store.mark(mark_of(number), 300.0)
    folder = tmp_path / "store" / "used" / "00"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}
    now[0] += 300.0 + used._UNTIMED + 1
    (folder / "kept").mkdir()  # what we did not make stays
    assert store.mark(mark_of(512 * used._LOOK), 300.0)
    assert len([*folder.iterdir()]) == 2


def test_a_full_directory_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until marks have ended: none is let in unseen."""
    monkeypatch.setattr(used, "_EACH", 3)
    now = [1_000_000.0]
    store = DirectoryStore(str(tmp_path / "store"), clock=lambda: now[0])
    assert all(store.mark(mark_of(number), 300.0) for number in (0, 256, 512))
    with pytest.raises(StoreRefused, match="already") as caught:
        store.mark(mark_of(1024), 300.0)
    assert caught.value.reason == "full"
    assert store.mark(mark_of(1), 300.0)
    now[0] += 1000
    assert store.mark(mark_of(1024), 300.0)


def test_one_that_was_taken_for_ended_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process that was stopped before it set the time, and whose file is gone since."""
    store = DirectoryStore(str(tmp_path / "store"))

    def slow(descriptor: int, times: Any) -> None:
        Path(tmp_path, "store", "used", "07", mark_of(7).hex()).unlink()

    monkeypatch.setattr(os, "utime", slow)
    assert store.mark(mark_of(7), 300.0) is False


def test_others_may_clean_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process has removed meanwhile is gone."""
    store = DirectoryStore(str(tmp_path / "store"))
    store.mark(mark_of(0), -1000.0)

    def gone(path: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(os, "unlink", gone)
    assert used._swept(str(tmp_path / "store" / "used" / "00"), 1e12) == 0


def test_a_directory_that_cannot_be_used_fails(tmp_path: Path) -> None:
    """By the name of the failure alone."""
    store = DirectoryStore(str(tmp_path / "store"))
    (tmp_path / "store" / "used").touch()
    with pytest.raises(StoreFailed, match="NotADirectoryError"):
        store.mark(mark_of(0), 300.0)


def test_a_server_forgets_what_has_ended(server: Server, opened: Open) -> None:
    """By itself: a mark has a time to live."""
    store = opened(server.url)
    began = time.monotonic()
    store.mark(mark_of(5), 300.0)
    left = store._client.pttl(f"rightkey:used:{mark_of(5).hex()}")
    assert 299_990 - 1000 * (time.monotonic() - began) < left <= 300_000


def test_a_server_that_evicts_is_refused(start_server: Callable[..., Server], opened: Open) -> None:
    """Also one that evicts only what has a time to live, which marks have. It is looked at again."""
    store = opened(start_server("--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru").url)
    for _ in range(2):
        with pytest.raises(StoreRefused, match="must be noeviction") as caught:
            store.mark(mark_of(0), 300.0)
        assert caught.value.reason == "evicts"
    store._client.config_set("maxmemory-policy", "noeviction")
    assert store.mark(mark_of(0), 300.0)
    store._client.config_set("maxmemory-policy", "allkeys-lru")
    assert store.mark(mark_of(1), 300.0)
    store._lasting_until = 0.0
    with pytest.raises(StoreRefused):
        store.mark(mark_of(2), 300.0)
    store._client.config_set("maxmemory", "0")
    assert store.mark(mark_of(2), 300.0)


class ResponseError(Exception):
    """As a server says it that does not let a client ask."""


@pytest.mark.parametrize("told", [ResponseError(), {"node": {}}, "nothing"])
def test_one_that_does_not_say_is_believed(told: Any) -> None:
    """Such as a server that allows no INFO."""

    def info(section: str) -> Any:
        if isinstance(told, Exception):
            raise told
        return told

    assert redis._evicts(SimpleNamespace(info=info)) is False


def test_one_that_gives_no_answer_is_not(start_server: Callable[..., Server], opened: Open) -> None:
    """Nor one whose memory is full."""
    server = start_server("--maxmemory", "1")
    store = opened(server.url)
    with pytest.raises(StoreFailed, match="OutOfMemoryError"):
        store.mark(mark_of(0), 300.0)
    server.kill()
    with pytest.raises(StoreFailed, match="ConnectionError"):
        RedisStore(server.url).mark(mark_of(0), 300.0)


def test_a_fleet_leaves_a_lost_store_alone(tmp_path: Path) -> None:
    """And not one that answers that it has no room."""
    store = DirectoryStore(str(tmp_path / "store"))
    now, events = [0.0], list[Any]()
    fleet = Fleet(store, seal_of(SECRET), events.append, lambda *_: None, lambda: now[0])
    assert fleet.marks
    answers: list[Any] = [StoreRefused("full", "full"), StoreFailed("timeout", "no"), True]
    calls = []

    def mark(mark: bytes, seconds: float) -> bool:
        calls.append(seconds)
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return bool(answer)

    fleet.store = SimpleNamespace(name=store.name, mark=mark)  # type: ignore[assignment]
    with pytest.raises(StoreRefused):
        fleet.first(mark_of(0), 5.0)
    assert events == []
    for _ in range(2):
        with pytest.raises(StoreFailed, match="gives no answer"):
            fleet.first(mark_of(0), 5.0)
    assert len(calls) == 2
    now[0] = 60.0
    assert fleet.first(mark_of(0), 5.0)
    assert len(events) == 2

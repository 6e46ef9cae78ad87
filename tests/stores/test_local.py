"""DirectoryStore: what one host shares, and who may not."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.stores.conftest import PATIENCE

from rightkey import Misconfigured
from rightkey.stores import local
from rightkey.stores.local import DirectoryStore
from rightkey.stores.store import MAX_RECORDS, Asked, StoreFailed, Turn

PLACE = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """Empty."""
    return DirectoryStore(str(tmp_path / "store"))


def test_the_directory_is_made_for_its_owner_alone(store: DirectoryStore) -> None:
    """Equal paths are one store, and pickle."""
    assert os.stat(store.path).st_mode & 0o777 == 0o700
    assert pickle.loads(pickle.dumps(store)) == store == DirectoryStore(store.path)
    assert store.private


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701])
def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    """Without a seal its files are the trust of the fleet."""
    tmp_path.chmod(mode)
    with pytest.raises(Misconfigured, match="which no other may enter"):
        DirectoryStore(str(tmp_path))


def test_a_link_or_a_file_is_no_directory(tmp_path: Path) -> None:
    """Another may own what a link leads to."""
    tmp_path.chmod(0o700)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch(0o600)
    for name in ("link", "file"):
        with pytest.raises(Misconfigured, match="must be a directory"):
            DirectoryStore(str(tmp_path / name))
    with pytest.raises(Misconfigured, match="cannot be used"):
        DirectoryStore(str(tmp_path / "none" / "below"))


@pytest.mark.parametrize(
    "octets", [b"", b"torn", b"{}\n", b'{"boot": 1, "of": "another version"}\nx', b"[]\n"]
)
def test_a_file_that_cannot_be_read_is_empty(store: DirectoryStore, octets: bytes) -> None:
    """It costs one request."""
    Path(store.path, PLACE).write_bytes(octets)
    assert store.look(PLACE, Asked()).verb == "lead"


@pytest.mark.parametrize(
    ("name", "value"),
    [("number", None), ("number", "1"), ("kept", 1.5), ("began", None), ("until", "soon"), ("word", 5)],
)
def test_a_part_of_another_type_is_not_read_again_and_again(
    store: DirectoryStore, name: str, value: Any
) -> None:
    """Another version may have written it: the store serves on, and the file is made anew."""
    store.look(PLACE, Asked())
    file = Path(store.path, PLACE)
    file.write_bytes(json.dumps(json.loads(file.read_bytes()) | {name: value}).encode() + b"\nentry")
    turn = store.look(PLACE, Asked())
    assert turn.verb == "lead"
    store.put(PLACE, turn, b"anew")
    assert store.look(PLACE, Asked()).entry == b"anew"


def test_a_clock_that_is_set_back_makes_nothing_younger(tmp_path: Path) -> None:
    """The clock that runs from the boot counts as well."""
    now, began = time.time(), time.monotonic()
    store = DirectoryStore(str(tmp_path / "store"), clock=lambda: now)
    store.put(PLACE, Turn("lead", 1, at=now - 50.0), b"x")
    now -= 3600.0
    assert 50.0 <= store.look(PLACE, Asked()).age <= 50.01 + time.monotonic() - began


def test_without_a_clock_from_the_boot_another_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none."""
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    before, boot, after = time.monotonic(), local._boot(), time.monotonic()
    assert before <= boot <= after


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_lock_that_is_not_let_go_is_a_failure(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a quarter of a second; a killed process lets its own go."""
    lock = Path(store.path, f"{PLACE}.lock")
    lock.touch()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        descriptor = os.open(lock, os.O_RDWR)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        lock.with_name("held").touch()
        time.sleep(60)
        os._exit(0)
    while not lock.with_name("held").exists():
        time.sleep(0.01)
    with pytest.raises(StoreFailed) as caught:
        store.look(PLACE, Asked())
    assert caught.value.reason == "timeout"
    os.kill(child, 9)
    os.waitpid(child, 0)
    monkeypatch.setattr(local, "PATIENCE", 60.0)
    assert store.look(PLACE, Asked()).verb == "lead"


def test_of_many_that_want_the_lock_one_leads_and_the_rest_wait(store: DirectoryStore) -> None:
    """One that did not get it in time sees who did, and does not ask for itself."""

    class Crowded(DirectoryStore):
        def _with(self, place: str, step: Any) -> Any:
            store.look(place, asked)
            raise StoreFailed("timeout", "the others were faster")

    asked = Asked(lease=3600.0)
    assert Crowded(store.path).look(PLACE, asked).verb == "wait"


@pytest.mark.slow
def test_threads_of_a_process_take_turns(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's lock does not part them. One that waits too long has failed."""
    numbers = []

    def lead() -> None:
        for _ in range(20):
            turn = store.look(PLACE, Asked(anew=True, lease=0.0))
            numbers.append(turn.number)

    threads = [threading.Thread(target=lead) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 80
    monkeypatch.setattr(local, "PATIENCE", PATIENCE)
    with local._THREADS, pytest.raises(StoreFailed, match="another thread"):
        store.look(PLACE, Asked(anew=True))


def test_whatever_the_system_says_is_one_error(store: DirectoryStore) -> None:
    """A full or a read-only disk, a directory that is gone."""
    Path(store.path, "distrusted").mkdir()
    with pytest.raises(StoreFailed):
        store.records()
    Path(store.path, "distrusted").rmdir()
    Path(store.path).rmdir()
    Path(store.path).touch()
    for step in (
        lambda: store.look(PLACE, Asked()),
        lambda: store.put(PLACE, Turn("lead", 1), b"x"),
        lambda: store.fail(PLACE, Turn("lead", 1), 1.0, "", False),
        store.version,
        store.records,
        lambda: store.add(b"x"),
        lambda: store.deny(b"x", 1.0),
        lambda: store.denied(None),
    ):
        with pytest.raises(StoreFailed) as caught:
            step()
        assert caught.value.reason == "NotADirectoryError"


def test_records_have_a_bound(store: DirectoryStore) -> None:
    """One more is refused, and told."""
    Path(store.path, "distrusted").write_bytes(b"eA==\n" * MAX_RECORDS)
    with pytest.raises(StoreFailed, match="already") as caught:
        store.add(b"one more")
    assert caught.value.reason == "full"

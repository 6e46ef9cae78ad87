"""Fleets: each store once in a process, and the thread that reads what is distrusted."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import rightkey
from rightkey import Misconfigured
from rightkey.events import StoreLost
from rightkey.localissuer import LocalIssuer
from rightkey.sources.fleets import fleet_of
from rightkey.stores.local import DirectoryStore
from rightkey.stores.seal import UNSEALED

SECRET = "s" * 32


def until(condition: Callable[[], object]) -> bool:
    """Whether it becomes so within a minute."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def test_equal_stores_are_one(tmp_path: Path) -> None:
    """A verifier that is built for each request shares what was fetched."""
    url = f"file://{tmp_path}/store"
    one = fleet_of(url)
    assert one is not None
    assert fleet_of(url) is one
    assert fleet_of(url, SECRET) is not one
    assert one.seal is UNSEALED
    other = fleet_of(tmp_path / "other")
    assert other is not None
    assert other.store == DirectoryStore(str(tmp_path / "other")) == fleet_of(other.store).store  # type: ignore[union-attr]


def test_what_cannot_be_is_refused_when_the_verifier_is_built() -> None:
    """A server without a secret, a secret without a store, a store that is none."""
    with pytest.raises(Misconfigured, match="needs store_secret="):
        rightkey.Verifier("a.example", audience="a", store="redis://user:pass-word@127.0.0.1:9")
    with pytest.raises(Misconfigured, match="needs store="):
        rightkey.Verifier("a.example", audience="a", store_secret=SECRET)
    with pytest.raises(Misconfigured, match="not the URL of a store"):
        rightkey.Verifier.of(lambda issuer: None, store="memcached://a", store_secret=SECRET)


def test_without_a_store_there_is_no_fleet() -> None:
    """And nothing of it is in the status."""
    assert fleet_of(None) is None
    assert rightkey.Verifier("a.example", audience="a").status().store is None


def test_a_verifier_with_a_store_pickles_and_shows_no_secret(tmp_path: Path) -> None:
    """For processes that are spawned."""
    store = f"file://{tmp_path}/store"
    verifier = rightkey.Verifier("a.example", audience="a", store=store, store_secret=SECRET)
    again = pickle.loads(pickle.dumps(verifier))
    assert again.status().store.name == store
    assert SECRET not in repr(verifier) + repr(verifier._settings)


def test_one_thread_a_store_polls(tmp_path: Path) -> None:
    """However many verifiers there are. Where none can be started, refreshes read what is distrusted."""
    fleet = fleet_of(tmp_path / "store")
    assert fleet is not None
    thread = fleet._thread
    fleet.watch()
    assert fleet._thread is thread
    assert until(lambda: fleet.status().distrust_age is not None)


@pytest.mark.slow
def test_a_thread_ends_when_another_has_its_turn(tmp_path: Path) -> None:
    """It is told by its turn, and not by which thread runs: a library that patches threads changes that."""
    member = fleet_of(f"file://{tmp_path}/store")
    assert member is not None
    before = member._thread
    assert before is not None
    member._turn, member._thread = object(), None
    before.join(60)
    assert not before.is_alive()
    member.watch()
    assert member._thread is not before
    member._turn = object()


def test_no_thread_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an interpreter there are none."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    fleet = fleet_of(tmp_path / "store")
    assert fleet is not None
    assert fleet._thread is None


@pytest.mark.slow
def test_distrust_holds_in_the_whole_fleet(tmp_path: Path) -> None:
    """What another process distrusts is refused within a second, also by a verifier that is not built yet."""
    with LocalIssuer() as issuer:
        raw, kid = issuer.token(), issuer.current.kid
        verifier = rightkey.Verifier(
            issuer.url, audience="https://api.example.com", store=DirectoryStore(str(tmp_path / "store"))
        )
        verifier.verify(raw)
        other = _Other(tmp_path)
        assert other.distrust(verifier._issuer.record.identity, kid)
        assert until(lambda: _refused(verifier, raw))
        with pytest.raises(rightkey.TokenRejected):
            rightkey.Verifier(issuer.url, audience="https://api.example.com").verify(raw)


def test_distrust_is_handed_on(tmp_path: Path) -> None:
    """By the verifier's own method."""
    store = DirectoryStore(str(tmp_path / "store"))
    verifier = rightkey.Verifier("handed.example", audience="a", store=store)
    verifier.distrust("kid")
    assert len(list(store.records())) == 1


@pytest.mark.slow
def test_a_lost_store_is_told_to_the_verifiers_listener(tmp_path: Path) -> None:
    """Once, whichever thread has noticed."""
    events: list[object] = []
    store = DirectoryStore(str(tmp_path / "store"))
    verifier = rightkey.Verifier("a.example", audience="a", store=store, listener=events.append)
    (tmp_path / "store" / "distrusted").mkdir()
    (tmp_path / "store" / "distrusted" / "x").touch()
    assert until(lambda: any(isinstance(event, StoreLost) for event in events))
    assert verifier.status().store.available is False


class _Other:
    """Another process's part in the fleet."""

    def __init__(self, path: Path) -> None:
        from rightkey.stores.fleet import Fleet

        store = DirectoryStore(str(path / "store"))
        self.distrust = Fleet(store, UNSEALED, lambda event: None, lambda issuer, name: None).distrust


def _refused(verifier: rightkey.Verifier, raw: str) -> bool:
    try:
        verifier.verify(raw)
    except rightkey.TokenRejected as error:
        return error.code == "key_not_found"
    return False

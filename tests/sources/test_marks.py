"""Marks: a proof passes once in all processes that share a store, and never where that cannot be told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trio

import rightkey
from rightkey import DPoP, IssuerUnavailable, Presented, TokenRejected
from rightkey.localissuer import LocalIssuer, Sender
from rightkey.proof.settings import MAX_AGE, MAX_AHEAD
from rightkey.sources import marks
from rightkey.sources.marks import BEHIND, MAX_LIFE, Marks
from rightkey.stores.local import DirectoryStore
from rightkey.stores.store import StoreFailed

ORIGIN = "https://api.example.com"
CALLER = Sender()
KINDS = [rightkey.Verifier, rightkey.AsyncVerifier]


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks wait for a store however busy this machine is."""
    monkeypatch.setattr(marks, "MAX_WAIT", 60.0)


def test_a_mark_is_kept_until_the_slowest_host_refuses_the_proof() -> None:
    """By the clock that judges; never for longer than any proof can pass."""
    kept = list[float]()

    def first(mark: bytes, seconds: float) -> bool:
        kept.append(seconds)
        return True

    judged = Marks(first, lambda: 1000.0)
    assert all(judged.first(b"m", until) for until in (1300.0, 900.0, 1e12))
    assert kept == [300.0 + BEHIND, BEHIND, MAX_LIFE + BEHIND]
    assert MAX_LIFE >= MAX_AGE + MAX_AHEAD
    until = time.time() + 300
    assert Marks(first, None).first(b"m", until)
    assert until - time.time() + BEHIND <= kept[-1] <= 300 + BEHIND


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_no_loop_stands_still(run: Any) -> None:
    """The store is asked on another thread; what it says or raises comes back."""
    threads = list[threading.Thread]()

    def first(mark: bytes, seconds: float) -> bool:
        threads.append(threading.current_thread())
        if mark == b"lost":
            raise StoreFailed("timeout", "no")
        return mark == b"new"

    async def main() -> tuple[bool, bool]:
        asked = Marks(first, None)
        with pytest.raises(StoreFailed):
            await asked.first_async(b"lost", 1.0)
        return await asked.first_async(b"new", 1.0), await asked.first_async(b"old", 1.0)

    assert run(main) == (True, False) if run is trio.run else run(main()) == (True, False)
    assert threading.main_thread() not in threads


def proved(kind: Any, issuer: LocalIssuer, store: Any, token: str, proofs: Any, **more: Any) -> str:
    """What one request came to, in a verifier of its own."""
    verifier = kind(issuer.url, audience=issuer.audience, origin=ORIGIN, store=store, **more)
    presented = Presented("DPoP", "GET", "/a", proofs)
    try:
        if kind is rightkey.Verifier:
            verifier.verify(token, presented=presented)
        else:
            asyncio.run(verifier.verify(token, presented=presented))
    except (TokenRejected, IssuerUnavailable) as error:
        return getattr(error, "reason", None) or error.code
    return "passed"


@pytest.fixture
def request_of(issuer: LocalIssuer) -> Callable[[], tuple[str, list[str]]]:
    """A token, and a new proof for it."""

    def made() -> tuple[str, list[str]]:
        token = issuer.token(sub="alice", cnf=CALLER.cnf)
        return token, [CALLER.proof("GET", ORIGIN + "/a", token)]

    return made


class Other(DirectoryStore):
    """Another process's view of the same directory."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_passes_once_in_a_fleet(
    kind: Any, issuer: LocalIssuer, request_of: Any, tmp_path: Path
) -> None:
    """By default, where there is a store."""
    one, other = (Other(str(tmp_path / "store")) for _ in range(2))
    shown = request_of()
    outcomes = [proved(kind, issuer, store, *shown) for store in (one, other, one)]
    assert outcomes == ["passed", "proof_replayed", "proof_replayed"]
    assert proved(kind, issuer, other, *request_of()) == "passed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_store_lets_nothing_in(
    kind: Any, issuer: LocalIssuer, request_of: Any, tmp_path: Path
) -> None:
    """503, with when to come again; a token that is not bound does not need it."""
    store = Other(str(tmp_path / "store"))
    (tmp_path / "store" / "used").touch()
    assert proved(kind, issuer, store, *request_of()) == "store_unavailable"
    verifier = rightkey.Verifier(issuer.url, audience=issuer.audience, origin=ORIGIN, store=store)
    token, proofs = request_of()
    with pytest.raises(IssuerUnavailable, match=r"NotADirectoryError|gives no answer") as caught:
        verifier.verify(token, presented=Presented("DPoP", "GET", "/a", proofs))
    assert caught.value.retry_after == 1.0
    assert verifier.verify(issuer.token(sub="bob")).subject == "bob"


class Elsewhere:
    """What a user has."""

    def __init__(self) -> None:
        self.asked = 0

    def first(self, mark: bytes, until: float) -> bool:
        self.asked += 1
        return True


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_yours_counts_first(kind: Any, issuer: LocalIssuer, request_of: Any, tmp_path: Path) -> None:
    """`DPoP(seen=)`, also beside a store."""
    own, store = Elsewhere(), Other(str(tmp_path / "store"))
    assert proved(kind, issuer, store, *request_of(), dpop=DPoP(seen=own)) == "passed"
    assert own.asked == 1
    assert not (tmp_path / "store" / "used").exists()


def test_a_store_without_marks_leaves_them_to_the_process(
    issuer: LocalIssuer, request_of: Any, bare_store: Any
) -> None:
    """Each process remembers its own."""
    store, shown = bare_store, request_of()
    outcomes = [proved(rightkey.Verifier, issuer, store, *shown) for _ in range(2)]
    assert outcomes == ["passed", "proof_replayed"]


def test_of_many_threads_one_comes_in(issuer: LocalIssuer, request_of: Any, tmp_path: Path) -> None:
    """Of 64 that use one proof at once."""
    verifier = rightkey.Verifier(
        issuer.url, audience=issuer.audience, origin=ORIGIN, store=tmp_path / "store"
    )
    verifier.prepare()  # lest 64 threads wait for keys
    token, proofs = request_of()

    def use(_: int) -> str | None:
        try:
            verifier.verify(token, presented=Presented("DPoP", "GET", "/a", proofs))
        except TokenRejected as error:
            return error.reason
        return "passed"

    with ThreadPoolExecutor(64) as pool:
        outcomes = [*pool.map(use, range(64))]
    assert sorted(map(str, outcomes)) == ["passed", *["proof_replayed"] * 63]

"""What a store does wrong, before a real verifier: no good token is refused, and no key lives longer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.conftest import settled
from tests.stores.conftest import Open, Server

import rightkey
from rightkey.events import EntryRejected, StoreBack, StoreLost
from rightkey.localissuer import LocalIssuer
from rightkey.sources.jobs import Job
from rightkey.stores.shared import place_of

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.slow
SECRET = "s" * 32


PATIENT = rightkey.Freshness(connect_timeout=30.0, timeout=30.0, wait=60.0)
"""An issuer on a busy machine is waited for. How long a store is waited for is its own affair."""


class Service:
    """One process's verifier, whose keys grow old as a test says."""

    def __init__(self, issuer: LocalIssuer, store: Any, secret: Any = SECRET) -> None:
        self.issuer, self.now, self.events = issuer, 0.0, list[Any]()
        self.verifier = rightkey.Verifier(
            issuer.url,
            audience=issuer.audience,
            elapsed=lambda: self.now,
            listener=self.events.append,
            store=store,
            store_secret=secret,
            freshness=PATIENT,
        )
        self._wait, self.verifier._wait = self.verifier._wait, self._waited  # type: ignore[method-assign]
        self._waits = 0

    def verify(self) -> int:
        """A good token; how many attempts to have its key it waited for."""
        self._waits = 0
        self.verifier.verify(self.issuer.token())
        return self._waits

    def _waited(self, job: Job, seconds: float) -> None:
        self._waits += 1
        self._wait(job, seconds)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def issuer() -> Any:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def freeze(server: Server) -> None:
    server.freeze()


def kill(server: Server) -> None:
    server.kill()


def fill(server: Server) -> None:
    configure(server, "maxmemory", "1")


def lock(server: Server) -> None:
    configure(server, "min-replicas-to-write", "1")


def configure(server: Server, name: str, value: str) -> None:
    """By a client that waits for longer than a store does."""
    with redis.Redis.from_url(server.url, socket_timeout=60) as client:
        client.config_set(name, value)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("failure", [freeze, kill, fill, lock], ids=lambda failure: failure.__name__)
def test_a_store_that_fails_refuses_no_token(
    failure: Callable[[Server], None], issuer: LocalIssuer, start_server: Callable[..., Server]
) -> None:
    """Not of a key that is held, at a refresh, nor at a rotation; and none waits for more than it would
    without a store."""
    server = start_server()
    service = Service(issuer, server.url)
    service.verify()
    failure(server)
    assert service.verify() == 0
    service.now += 590.0
    assert service.verify() == 0  # it is served, and refreshed meanwhile
    settled(lambda: service.verifier.status().age == 0.0, "it was not refreshed")
    service.now += 900.0
    assert service.verify() == 1  # past its life: it waits for one attempt
    issuer.rotate(surprise=True)
    assert service.verify() == 1
    settled(lambda: bool(service.told(StoreLost)), "its loss was not told")
    if failure in (freeze, kill):  # the others answer what changes nothing
        assert not service.verifier.status().store.available


def test_a_cold_start_without_a_store_is_as_if_there_were_none(
    issuer: LocalIssuer, start_server: Callable[..., Server]
) -> None:
    """And it comes back by itself."""
    server = start_server()
    server.kill()
    service = Service(issuer, server.url)
    assert service.verify() == 1
    server.start()
    settled(lambda: bool(service.told(StoreBack)), "that it is back was not told")
    assert service.verifier.status().store.available


def test_a_store_that_was_emptied_is_filled_again(issuer: LocalIssuer, server: Server, opened: Open) -> None:
    """At the next refresh."""
    store = opened(server.url)
    service = Service(issuer, server.url)
    service.verify()
    store._client.flushall()
    service.now += 1000.0
    service.verify()
    assert store._client.exists(f"rightkey:{{{place_of(f'{issuer.url}.well-known/jwks.json')}}}")
    assert service.told(EntryRejected) == []


def test_nothing_that_is_tampered_with_is_used(issuer: LocalIssuer, server: Server, opened: Open) -> None:
    """Each octet of each document, and those of one place at another."""
    client = opened(server.url)._client
    Service(issuer, server.url).verify()
    places = {
        key: client.hget(key, "entry") for key in client.keys("rightkey:*") if client.hget(key, "entry")
    }
    assert len(places) == 2
    forged = LocalIssuer(algorithm="ES256")
    one, two = places
    attacks = [(one, places[two]), (two, places[one])]
    attacks += [
        (key, entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :])
        for key, entry in places.items()
        for at in range(0, len(entry), 29)
    ]
    for count, (key, entry) in enumerate(attacks):
        client.hset(key, mapping={"entry": entry, "kept": 2**50 + count})
        service = Service(issuer, server.url)
        service.verify()
        with pytest.raises(rightkey.TokenRejected):
            service.verifier.verify(forged.token(iss=issuer.url))
        assert service.told(EntryRejected)
        client.hset(key, mapping={"entry": places[key], "kept": 0, "leading": 0, "spent": 0, "paused": 0})


@pytest.mark.parametrize("left", [0.0, 0.5, 0.9])
def test_half_a_file_refuses_no_token(tmp_path: Path, issuer: LocalIssuer, left: float) -> None:
    """A crash may have left it, and nothing of a directory need be sealed."""
    store = f"file://{tmp_path}/store"
    Service(issuer, store, None).verify()
    files = [file for file in (tmp_path / "store").iterdir() if len(file.name) == len(place_of(""))]
    assert len(files) == 2
    for file in files:
        os.truncate(file, int(file.stat().st_size * left))
    service = Service(issuer, store, None)
    service.verify()
    assert bool(service.told(EntryRejected)) is (left > 0.0)
    again = Service(issuer, store, None)
    again.verify()
    assert again.told(EntryRejected) == []


@pytest.mark.parametrize(("age", "serves"), [(1_800.0, True), (9_000.0, False)])
def test_a_key_does_not_outlive_its_bound_in_a_store(
    tmp_path: Path, issuer: LocalIssuer, age: float, serves: bool
) -> None:
    """A process that begins in an outage counts the age of what it takes, not the time since it took it."""
    store = f"file://{tmp_path}/store"
    Service(issuer, store).verify()
    for url in (f"{issuer.url}.well-known/jwks.json", f"{issuer.url}.well-known/openid-configuration"):
        place = Path(tmp_path, "store", place_of(url))
        head, _, entry = place.read_bytes().partition(b"\n")
        state = json.loads(head)
        place.write_bytes(json.dumps(state | {"boot": state["boot"] - age}).encode() + b"\n" + entry)
    issuer.misbehave("jwks", "html")
    service = Service(issuer, store)
    if serves:
        service.verify()
        left = service.verifier.status().revoked_key_bound
        assert left is not None
        assert left < 3_600.0
    else:
        with pytest.raises(rightkey.IssuerUnavailable):
            service.verify()

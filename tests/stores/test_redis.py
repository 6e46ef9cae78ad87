"""RedisStore: what a server does not do, and which clients are taken."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable

import pytest
from tests.scenarios.conftest import settled
from tests.stores.conftest import Open, Server

from rightkey import Misconfigured
from rightkey.stores.redis import RedisStore
from rightkey.stores.store import MAX_RECORDS, Asked, StoreFailed

redis = pytest.importorskip("redis")
PLACE, LOOK = "a" * 64, Asked(lease=3600.0)
NOWHERE = "redis://user:pass-word@127.0.0.1:9/0"


def test_no_password_is_shown() -> None:
    """In a name, a repr or an error."""
    store = RedisStore(f"{NOWHERE}?socket_timeout=9")
    with pytest.raises(StoreFailed) as caught:
        store.version()
    for text in (store.name, repr(store), str(caught.value), repr(caught.value)):
        assert "pass-word" not in text
        assert "user" not in text
    assert store.name == "redis://127.0.0.1:9/0"


def test_equal_urls_are_one_store() -> None:
    """They pickle, too; another client is another store."""
    store = RedisStore(NOWHERE)
    assert pickle.loads(pickle.dumps(store)) == store == RedisStore(NOWHERE)
    assert hash(store) == hash(RedisStore(NOWHERE))
    client = redis.Redis(socket_timeout=0.5)
    assert RedisStore(client) != store
    assert RedisStore(client) == RedisStore(client)
    assert hash(RedisStore(client)) == hash(RedisStore(client))


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "redis", "redis://[", "redis://a:b:c", "", "redis://a.example?socket_timeout=x"],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    """When the verifier is built."""
    with pytest.raises(Misconfigured):
        RedisStore(url)


@pytest.mark.parametrize(
    "settings", [{}, {"socket_timeout": 5}, {"socket_timeout": 0.2, "decode_responses": True}]
)
def test_a_client_that_may_wait_for_long_is_refused(settings: dict[str, object]) -> None:
    """By default redis-py waits for 5 s, three times over."""
    client = redis.Redis(**settings)
    if settings == {}:
        client.connection_pool.connection_kwargs.pop("socket_timeout", None)
    with pytest.raises(Misconfigured, match="socket_timeout"):
        RedisStore(client)


@pytest.mark.usefixtures("hasty")
def test_what_is_no_client_is_refused() -> None:
    """One of another kind is taken by its methods."""
    with pytest.raises(Misconfigured, match="not int"):
        RedisStore(5)

    class Mine:
        def evalsha(self) -> None: ...

    assert RedisStore(Mine()).name == "a client of tests"


def test_a_missing_client_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ModuleNotFoundError, match="rightkey\\[redis\\]"):
        RedisStore(NOWHERE)


def test_a_server_that_is_gone_fails_at_once(start_server: Callable[..., Server], opened: Open) -> None:
    """And answers once it is back, by the same store."""
    server = start_server()
    store = opened(server.url)
    assert store.look(PLACE, Asked()).verb == "lead"
    server.kill()
    with pytest.raises(StoreFailed) as caught:
        store.look(PLACE, Asked())
    assert caught.value.reason == "ConnectionError"  # refused, and not waited for
    server.start()
    assert store.look(PLACE, Asked()).verb == "lead"


def answers(store: RedisStore) -> bool:
    try:
        store.version()
    except StoreFailed:
        return False
    return True


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_a_server_that_hangs_is_not_waited_for(start_server: Callable[..., Server], opened: Open) -> None:
    """For longer than a quarter of a second. The same store goes on once it answers."""
    server = start_server()
    store = opened(server.url)
    settled(lambda: answers(store), "there is no connection")
    server.freeze()
    with pytest.raises(StoreFailed) as caught:
        store.look(PLACE, Asked())
    assert caught.value.reason == "TimeoutError"
    server.thaw()
    settled(lambda: answers(store), "it does not answer again")


def test_a_full_server_still_gives_what_it_has(start_server: Callable[..., Server], opened: Open) -> None:
    """A look that finds writes nothing."""
    server = start_server("--maxmemory-policy", "noeviction")
    store = opened(server.url)
    client = store._client
    store.put(PLACE, store.look(PLACE, Asked()), b"entry")
    client.config_set("maxmemory", "1")
    assert store.look(PLACE, Asked()).entry == b"entry"
    with pytest.raises(StoreFailed) as caught:
        store.look("b" * 64, Asked())
    assert caught.value.reason == "OutOfMemoryError"


def test_a_server_that_forgot_the_scripts_is_given_them(server: Server, opened: Open) -> None:
    """A restart forgets them."""
    store = opened(server.url)
    client = store._client
    store.look(PLACE, LOOK)
    client.script_flush()
    assert store.look(PLACE, LOOK).verb == "wait"


def test_a_place_is_forgotten_in_the_end(server: Server, opened: Open) -> None:
    """Tenants come and go; what is distrusted stays."""
    store = opened(server.url)
    client = store._client
    store.look(PLACE, Asked())
    store.add(b"x")
    assert 0 < client.ttl(f"rightkey:{{{PLACE}}}") <= 172_800
    assert client.ttl("rightkey:{distrust}") == -1


def test_records_have_a_bound(server: Server, opened: Open) -> None:
    """One more is refused, and told."""
    store = opened(server.url)
    client = store._client
    store.add(b"x")
    client.hset("rightkey:{distrust}", mapping={str(count): "" for count in range(MAX_RECORDS)})
    with pytest.raises(StoreFailed) as caught:
        store.add(b"one more")
    assert caught.value.reason == "full"


@pytest.mark.slow
def test_a_version_is_new_where_the_records_were_lost(server: Server, opened: Open) -> None:
    """It begins with the time: so many new records are not taken for the old ones."""
    store = opened(server.url)
    client = store._client
    store.add(b"x")
    first = store.version()
    client.flushall()
    assert store.version() == b""
    time.sleep(1.1)
    store.add(b"y")
    assert store.version() != first

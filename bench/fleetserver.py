"""The server of Redis that a fleet shares."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.ports import free_port


class Server:
    """A server of Redis, in memory alone."""

    def __init__(self, folder: str, host: str) -> None:
        self.port = free_port(host)
        self.url, self.folder, self._host = f"redis://{host}:{self.port}/0", folder, host

    def start(self) -> None:
        options = [
            *("--port", str(self.port), "--bind", self._host, "--protected-mode", "no"),
            *("--save", "", "--dir", self.folder, "--loglevel", "warning"),
        ]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        """Until it answers. Raises RuntimeError: not in a minute, or it has ended."""
        end = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self._host, self.port), 5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis(host: str = "127.0.0.1") -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, host)
        server.start()
        try:
            server.wait()
            yield server
        finally:
            server.kill()

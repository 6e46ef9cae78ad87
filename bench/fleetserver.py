"""The server of Redis that a fleet shares."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Server:
    """A server of Redis, in memory alone."""

    def __init__(self, folder: str, host: str) -> None:
        with socket.create_server((host, 0)) as free:
            self.port = free.getsockname()[1]
        self.url, self.folder, self._host = f"redis://{host}:{self.port}/0", folder, host

    def start(self) -> None:
        options = [
            *("--port", str(self.port), "--bind", self._host, "--protected-mode", "no"),
            *("--save", "", "--dir", self.folder, "--loglevel", "warning"),
        ]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis(host: str = "127.0.0.1") -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, host)
        server.start()
        time.sleep(1.0)
        try:
            yield server
        finally:
            server.kill()

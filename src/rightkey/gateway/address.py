"""Address: where the gateway listens, a host and port or a Unix socket. Bound once, before there are workers.

Each worker accepts from the one socket: with one socket each (SO_REUSEPORT), what waits on that of a worker
that ends is lost.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rightkey.errors import Misconfigured, quoted

BACKLOG = 2048
"""Connections that may wait to be accepted."""
UNIX = "unix:"
_ADDRESS = r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+):([0-9]{1,5})"


@dataclass(frozen=True, slots=True)
class Address:
    """`path` is that of a Unix socket, and empty otherwise."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def of(cls, said: Any) -> Address:
        """`host:port`, `[::1]:port` or `unix:/path`. Raises Misconfigured."""
        if isinstance(said, str) and said.startswith(f"{UNIX}/"):
            return cls(path=said.removeprefix(UNIX))
        parts = re.fullmatch(_ADDRESS, said) if isinstance(said, str) else None
        if parts is None or int(parts[2]) > 65535:
            hint = "such as 127.0.0.1:9090, [::1]:9090 or unix:/run/rightkey.sock"
            raise Misconfigured(f"{quoted(said)} is not an address to listen on", hint=hint)
        return cls(parts[1].strip("[]"), int(parts[2]))

    def bind(self) -> socket.socket:
        """A socket that listens.

        Raises:
            Misconfigured: the address is taken, or not this machine's.
        """
        try:
            return self._bound_unix() if self.path else self._bound()
        except (OSError, ValueError) as error:
            why = (getattr(error, "strerror", None) or str(error)).lower()
            raise Misconfigured(f"cannot listen on {self}: {why}") from None

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        return socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)

    def _bound_unix(self) -> socket.socket:
        """A socket that a gateway left behind is removed; one that answers stays, and is taken."""
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(self.path).st_mode) and not _answers(self.path):
                os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(self.path)
        except OSError:
            listener.close()
            raise
        listener.listen(BACKLOG)
        return listener

    def __str__(self) -> str:
        if self.path:
            return f"{UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0

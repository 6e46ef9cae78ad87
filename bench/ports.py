"""A port for a program that is told where to listen."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress


def free_port(host: str = "127.0.0.1") -> int:
    """Below those that systems give to connections: one would take it before the program does, or while the
    program is away."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server((host, port)):
            return port

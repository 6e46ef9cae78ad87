"""Worker: one process that answers, from the start to the last open connection."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rightkey.gateway.address import BACKLOG
from rightkey.gateway.board import Board, Row
from rightkey.gateway.configuration import Configuration
from rightkey.gateway.heads import Heads
from rightkey.gateway.mirror import Mirror
from rightkey.gateway.plain import NAMES, Plain
from rightkey.gateway.protocol import Site

DRAIN_SECONDS = 10.0
"""Seconds that a worker that ends goes on answering on connections that are open."""
SWEEP_SECONDS = 1.0
"""Seconds between two looks at connections whose time is up, and at keys that are due."""
STOPS = (signal.SIGTERM, signal.SIGINT)
_TURNS = 5
"""Turns of asyncio's loop in which what was accepted has become a connection: it takes three."""

Listening = tuple[socket.socket, Site]


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, or asyncio's own where there is no uvloop."""
    try:
        import uvloop
    except ModuleNotFoundError:  # pragma: no cover - where uvloop cannot be installed
        return asyncio.new_event_loop
    return uvloop.new_event_loop


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is made of.

    Args:
        configuration: of the gateway.
        sockets: of proxies, and the plain one: they listen.
        board: of all workers.
        row: its own of the board.
        parent: the process that began it. The worker is told, since it may be an orphan before it can ask.
        bound: how many issuers may be without keys for it to begin; None for any number.
        begun: is called once it accepts connections.
        used: where it shares used proofs with the others; None where that is the store.
    """

    configuration: Configuration
    sockets: tuple[socket.socket, socket.socket]
    board: Board
    row: Row
    parent: int
    bound: int | None = None
    begun: Callable[[], None] = lambda: None
    used: str | None = None

    @property
    def is_orphan(self) -> bool:
        """Whether its parent was killed: no other worker may be started beside it."""
        return os.getppid() != self.parent

    async def run(self) -> bool:
        """Answer until SIGTERM, then drain. False where too many issuers have no keys to begin."""
        decision = self.configuration.decision(self.used)
        issuers = self.configuration.issuers()
        mirror = Mirror(issuers)
        await mirror.prepare()
        unready = mirror.keep_fresh()
        if self.bound is not None and unready > self.bound:
            return False
        heads = Heads() if self.configuration.remember else None
        main = Site(decision.read, decision.names, self.configuration.peers, self.row.count, heads)
        plain = Site(Plain(self.board, issuers, mirror, lambda: main.draining).read, NAMES)

        def look() -> None:
            if self.is_orphan:
                os.kill(os.getpid(), signal.SIGTERM)
            self.row.say(unready=mirror.keep_fresh(), connections=len(main.connections))

        if not self.is_orphan:
            look()
            gc.freeze()  # what is there by now stays, and need not be looked through for garbage
            await serve([(self.sockets[0], main), (self.sockets[1], plain)], look, self.begun)
            self.row.say()
        if self.used is not None and self.is_orphan:  # its parent would have removed it
            shutil.rmtree(self.used, ignore_errors=True)
        return True


async def serve(
    listening: Sequence[Listening], look: Callable[[], Any], begun: Callable[[], None] = lambda: None
) -> None:
    """Answer until SIGTERM or SIGINT; then accept nothing, and drain.

    Args:
        listening: sockets, each with its site.
        look: is called once a second.
        begun: is called once connections are accepted.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    servers = [  # a loop sets the length of the line anew, to 100 by default
        await loop.create_server(site.connection, sock=sock, backlog=BACKLOG) for sock, site in listening
    ]
    begun()
    sites = [site for _, site in listening]
    await _sweeping(sites, look, stop.wait())
    # What asyncio has accepted is lost where its server is closed before it has become a connection.
    for sock, _ in listening:
        loop.remove_reader(sock)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    for server in servers:
        server.close()
    for site in sites:
        site.draining = True
    await _sweeping(sites, look, _drained(sites[0]))
    for site in sites:
        site.close()


async def _sweeping(sites: Sequence[Site], look: Callable[[], Any], until: Awaitable[Any]) -> None:
    """Look after connections until something has come about."""
    loop = asyncio.get_running_loop()
    waiting = asyncio.ensure_future(until)
    while not waiting.done():
        look()
        for site in sites:
            site.sweep(loop.time())
        await asyncio.wait((waiting,), timeout=SWEEP_SECONDS)


async def _drained(site: Site) -> None:
    """Until no proxy is connected, or the time is up: idle connections are closed only then, since what their
    proxies are about to send would be lost."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while site.connections:
                await asyncio.sleep(DRAIN_SECONDS / 200)

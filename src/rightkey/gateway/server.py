"""Server: the parent of the workers. It binds, forks and waits, and never serves.

    a worker dies     another one takes its place, at most one a second for each place
    SIGHUP            the configuration is read again, and workers are replaced one by one: the next begins to
                      accept before the one before ends. A configuration that is wrong changes nothing, nor
                      does a new worker that has keys of fewer issuers than the old one: during an outage,
                      they would be lost with it
    SIGTERM, SIGINT   workers drain, for 10 s at most; so they do where the parent is killed

Workers inherit the parent's listening sockets: what waits to be accepted is not lost with one of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from rightkey.errors import Misconfigured, RightkeyError
from rightkey.gateway.board import Board, Row
from rightkey.gateway.configuration import Configuration
from rightkey.gateway.worker import DRAIN_SECONDS, Worker, loop_factory

LOG = logging.getLogger("rightkey")
BEGIN_SECONDS = 30.0
"""Seconds for a new worker to begin to accept, before a replacement is given up."""
RESTART_SECONDS = 1.0
"""Seconds from one start to the next in a place whose workers die."""
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_STOPS = (signal.SIGTERM, signal.SIGINT)
_BEGUN = b"1"


@dataclass(slots=True)
class _Child:
    """A worker's process, and where it says that it accepts."""

    pid: int
    row: Row
    pipe: int
    since: float


class Server:
    """The parent.

    Args:
        configuration: the first.
        reread: reads it again. Raises Misconfigured.
    """

    def __init__(self, configuration: Configuration, reread: Callable[[], Configuration]) -> None:
        self._configuration, self._reread = configuration, reread
        self._sockets = configuration.listen.bind(), configuration.plain.bind()
        self._board = Board(4 * configuration.workers)
        self._used: str | None = None
        self._share(configuration)
        self._serving: list[_Child] = []
        self._ending: list[_Child] = []
        self._stopping = self._renewing = False
        self._factory = loop_factory()
        self._heard, self._ear = socket.socketpair()
        for end in (self._heard, self._ear):
            end.setblocking(False)

    def serve(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        signal.set_wakeup_fd(self._ear.fileno())
        for number in _HEARD:
            signal.signal(number, lambda *_: None)
        for _ in range(self._configuration.workers):
            self._serving.append(self._forked(self._configuration))
        while not self._stopping:
            self._listen(seconds=RESTART_SECONDS)
            self._mend()
            if self._renewing and not self._stopping:
                self._renewing = False
                self._replace()
        self._stop()

    def _share(self, configuration: Configuration) -> None:
        """Make a place where workers share used proofs, if they judge any and have no store for that."""
        if self._used is None and configuration.origin and configuration.store is None:
            self._used = _made()

    def _listen(self, *others: int, seconds: float) -> list[int]:
        """Hear which signals have come, if any do. Returns which of the other descriptors can be read."""
        ready, _, _ = select.select([self._heard.fileno(), *others], [], [], seconds)
        with suppress(BlockingIOError):
            numbers = self._heard.recv(4096)
            self._stopping = self._stopping or any(number in _STOPS for number in numbers)
            self._renewing = self._renewing or signal.SIGHUP in numbers
        return ready

    def _mend(self) -> None:
        """Start a worker for each that has died."""
        self._ending = [child for child in self._ending if _lives(child)]
        for place, child in enumerate(self._serving):
            # One that died at once is looked at again in a second.
            if not _lives(child) and time.monotonic() - child.since >= RESTART_SECONDS:
                LOG.error("a worker has died; another one takes its place")
                self._serving[place] = self._forked(self._configuration)

    def _replace(self) -> None:
        try:
            configuration = self._reread()
            self._share(configuration)
        except RightkeyError as error:
            LOG.error("the configuration is not changed: %s", error)
            return
        for place in range(max(len(self._serving), configuration.workers)):
            old = self._serving[place] if place < len(self._serving) else None
            if place < configuration.workers and not self._renew(place, old, configuration):
                LOG.error("workers are not replaced: a new one has keys of fewer issuers, or did not begin")
                return
            if old is not None:
                _send(old, signal.SIGTERM)
                self._ending.append(old)
        del self._serving[configuration.workers :]
        self._configuration = configuration
        LOG.info("the configuration was read again, and all workers are new")

    def _renew(self, place: int, old: _Child | None, configuration: Configuration) -> bool:
        """Have a new worker begin. Whether it did."""
        child = self._forked(configuration, None if old is None else old.row.unready)
        if not self._begins(child):
            _send(child, signal.SIGKILL)
            _lives(child, wait=True)
            return False
        self._serving[place : place + 1] = [child]
        return True

    def _begins(self, child: _Child) -> bool:
        until = time.monotonic() + BEGIN_SECONDS
        while (left := until - time.monotonic()) > 0 and not self._stopping:
            if child.pipe in self._listen(child.pipe, seconds=left):
                return os.read(child.pipe, 1) == _BEGUN
        return False

    def _stop(self) -> None:
        """Have all workers drain, and wait until they have. Nothing listens any more meanwhile."""
        for sock in self._sockets:
            sock.close()
        self._ending += self._serving
        for child in self._ending:
            _send(child, signal.SIGTERM)
        until = time.monotonic() + DRAIN_SECONDS + 2
        while self._ending and time.monotonic() < until:
            self._ending = [child for child in self._ending if _lives(child)]
            self._listen(seconds=0.05)
        for child in self._ending:
            _send(child, signal.SIGKILL)
            _lives(child, wait=True)
        if self._used is not None:
            shutil.rmtree(self._used, ignore_errors=True)

    def _forked(self, configuration: Configuration, bound: int | None = None) -> _Child:
        used = [id(child.row) for child in (*self._serving, *self._ending) if _lives(child)]
        row = next((row for row in self._board.rows if id(row) not in used), self._board.rows[-1])
        pipe, said = os.pipe()
        # Until the child has handlers of its own, a signal meant for it would be heard by its parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            os.close(pipe)
            told = partial(_tell, said)
            of = configuration, self._sockets, self._board, row, parent, bound, told, self._used
            self._be_worker(Worker(*of))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        os.close(said)
        return _Child(pid, row, pipe, time.monotonic())

    def _be_worker(self, worker: Worker) -> None:
        """The child's whole life; it never returns."""
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            for number in _HEARD:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            with asyncio.Runner(loop_factory=self._factory) as runner:
                code = 0 if runner.run(worker.run()) else 3
        except BaseException as error:  # noqa: BLE001 - nothing of the parent's may run in the child
            LOG.error("a worker ends: %s", type(error).__name__)
        finally:
            sys.stderr.flush()
            os._exit(code)


def _made() -> str:
    """A directory for used proofs, named by this process, in memory where possible. Raises Misconfigured."""
    for folder in ("/dev/shm", None):  # noqa: S108 - it is made there with a name of its own, mode 0700
        with suppress(OSError):
            return tempfile.mkdtemp(prefix=f"rightkey-{os.getpid()}-", dir=folder)
    raise Misconfigured("there is no directory in which workers can share used DPoP proofs", hint="set store")


def _tell(said: int) -> None:
    os.write(said, _BEGUN)


def _send(child: _Child, number: int) -> None:
    if child.pid:
        os.kill(child.pid, number)


def _lives(child: _Child, *, wait: bool = False) -> bool:
    """Whether its process is there still. One that has ended is waited for once, and its pid forgotten."""
    if not child.pid:
        return False
    pid, _ = os.waitpid(child.pid, 0 if wait else os.WNOHANG)
    if pid:
        child.pid = 0
        os.close(child.pipe)
        child.row.say()
    return not pid

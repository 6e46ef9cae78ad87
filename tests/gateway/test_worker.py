"""A worker, in the process of the test: it begins with keys, answers, and drains."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.test_protocol import LOOPS, Reading, echo

from rightkey.gateway.address import Address
from rightkey.gateway.board import Board
from rightkey.gateway.configuration import configuration_of
from rightkey.gateway.protocol import Site
from rightkey.gateway.worker import STOPS, Worker, loop_factory, serve
from rightkey.localissuer import LocalIssuer


def test_a_loop_is_made() -> None:
    """uvloop's, where it is there."""
    uvloop = pytest.importorskip("uvloop")
    loop = loop_factory()()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


@pytest.fixture
def signals() -> Iterator[None]:
    """They are handled afterwards as before."""
    before = {number: signal.getsignal(number) for number in STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run(issuer: LocalIssuer, signals: None) -> Any:
    """Runs a worker, and something beside it once it has begun; whether it began, and its board."""

    def ran(
        beside: Callable[[int, int], Awaitable[None]],
        bound: int | None = None,
        parent: int | None = None,
        used: str | None = None,
    ) -> tuple[bool, Board]:
        document = {
            "proxy": "envoy",
            "issuer": [{"issuer": issuer.url, "audience": issuer.audience}],
            "route": [{"path": "/*"}],
        }
        sockets = Address.of("127.0.0.1:0").bind(), Address.of("127.0.0.1:0").bind()
        ports = [sock.getsockname()[1] for sock in sockets]
        board = Board(1)

        async def main() -> bool:
            begun = asyncio.Event()
            configuration, row = configuration_of(document, Path()), board.rows[0]
            mine = os.getppid() if parent is None else parent
            worker = Worker(configuration, sockets, board, row, mine, bound, begun.set, used)
            running = asyncio.ensure_future(worker.run())
            waits = asyncio.ensure_future(begun.wait())
            await asyncio.wait([running, waits], return_when=asyncio.FIRST_COMPLETED)
            if begun.is_set():
                await beside(*ports)
            waits.cancel()
            return await running

        try:
            return asyncio.run(main()), board
        finally:
            for sock in sockets:
                sock.close()

    return ran


async def got(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def refused(port: int) -> None:
    """Wait until nothing listens there. (In a gateway the parent would listen on.)"""
    async with asyncio.timeout(60):
        with suppress(ConnectionRefusedError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await asyncio.sleep(0.01)


@pytest.mark.slow
def test_it_answers_until_it_is_told_to_stop(run: Any, issuer: LocalIssuer) -> None:
    """What is open then is answered once more, and closed; a second listener tells that it drains."""
    asked = f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {issuer.token()}\r\n\r\n".encode()

    async def beside(port: int, plain: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        watching, watch = await asyncio.open_connection("127.0.0.1", plain)
        writer.write(asked)
        assert (await got(reader)).startswith(b"HTTP/1.1 200 OK")
        os.kill(os.getpid(), signal.SIGTERM)
        await refused(port)
        watch.write(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert (await got(watching)).startswith(b"HTTP/1.1 503")
        writer.write(asked)
        assert b"Connection: close" in await got(reader)
        for each in (writer, watch):
            each.close()

    began, board = run(beside)
    assert began
    assert dict(board.answers())["ok"] == 2
    assert board.connections == 0


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__module__)
@pytest.mark.parametrize("turns", range(12))
def test_no_connection_is_lost_that_comes_as_it_ends(signals: None, turns: int, loop: Any) -> None:
    """In whichever turn of the loop: it is answered, or left to other workers."""
    site, plain = Site(Reading(echo), frozenset()), Site(Reading(echo), frozenset())
    with ExitStack() as stack:
        listening = [stack.enter_context(Address.of("127.0.0.1:0").bind()) for _ in range(2)]
        others, client = stack.enter_context(listening[0].dup()), stack.enter_context(socket.socket())
        others.setblocking(False)

        def later(left: int) -> None:
            if left:
                asyncio.get_running_loop().call_soon(later, left - 1)
                return
            client.connect(others.getsockname())
            client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

        def begun() -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            later(turns)

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve([*zip(listening, (site, plain), strict=True)], lambda: None, begun))
        try:
            others.accept()[0].close()
        except BlockingIOError:
            client.settimeout(60)
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_it_does_not_begin_without_the_keys_that_others_have(run: Any, issuer: LocalIssuer) -> None:
    """`bound` is how many issuers may be without keys."""

    async def beside(port: int, plain: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    issuer.misbehave("discovery", "status")
    assert run(beside, bound=0)[0] is False
    assert run(beside, bound=1)[0] is True


def test_an_orphan_from_the_start_never_begins(run: Any, tmp_path: Path) -> None:
    """Its parent was killed before it had read its configuration. It would hold the port for ever."""
    used = tmp_path / "used"
    used.mkdir(mode=0o700)

    async def never(port: int, plain: int) -> None:
        pytest.fail("it has begun")

    began, board = run(never, parent=os.getppid() + 1, used=str(used))
    assert began
    assert board.connections == 0
    assert not used.exists()

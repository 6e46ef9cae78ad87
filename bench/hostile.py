"""Beside hostile answers: how many good tokens are verified while issuers send without end.

    python -m bench.hostile [--seconds 3] [--rounds 3]

One thread verifies good tokens, without memory, by keys at hand. Beside it 1, 8 and 32 threads each fetch a
document from a server, in a process of its own, that never ends its answer in one of the ways below: a fetch
takes part of the interpreter's lock for as long as it lasts, which is four seconds at most. A round lasts for
`--seconds` from the start of its fetches, and has one without any before it and after it. What counts is the
part of the undisturbed rate that is left, as the median of all rounds. Beside it stands the part of the
process's processor time that went to verifying, which other programs on the machine do not change.
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any

from bench.contenders import Stage, rightkey_client
from bench.report import Goal, Report, Table, command, versions
from rightkey.localissuer import LocalIssuer
from rightkey.transport import DefaultTransport, ExchangeFailed, Request

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header fields": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "chunks of one octet": (CHUNKED, b"1\r\n \r\n"),
    "the size of a chunk": (CHUNKED + b"1;", b"a"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"A: b\r\n"),
    "single octets": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
}
"""What is sent first, and what then without end. Single octets are sent one each millisecond."""
BESIDE = (1, 8, 32)
GOAL = 0.8

Rounds = dict[tuple[str, int], list[tuple[float, float]]]
"""By what never ends and how often: of each round, the part of the rate, and of the processor time."""


def measure(options: argparse.Namespace) -> Report:
    with LocalIssuer(url="https://tenant.example/") as issuer, served() as ports:
        stage = Stage.of(issuer)
        verify, token = rightkey_client(stage), issuer.token(sub="alice", scope="read:appointments")
        verify(token)

        def rate(port: int, count: int) -> tuple[float, float]:
            fetches = [threading.Thread(target=fetch, args=(port,), daemon=True) for _ in range(count)]
            for one in fetches:
                one.start()
            found = verified_in(options.seconds, verify, token)
            for one in fetches:
                one.join()
            return found

        rounds = {
            (name, count): [beside(rate, port, count) for _ in range(options.rounds)]
            for name, port in ports.items()
            for count in BESIDE
        }
    return report(rounds)


def report(rounds: Rounds) -> Report:
    """What was found, as tables and against the goal."""
    kept = table_of(rounds, 0)
    shares = table_of(rounds, 1)
    worst = {count: min(by_count[count] for by_count in kept.values()) for count in BESIDE}
    return Report(
        "hostile",
        {"rate_kept": kept, "worst": worst, "processor_time": shares},
        [
            Table(
                title,
                ("what never ends", *(f"beside {count}" for count in BESIDE)),
                [(name, *(f"{one:.2f}" for one in by_count.values())) for name, by_count in rows.items()],
            )
            for title, rows in (
                ("Part of the undisturbed rate", kept),
                ("Part of the processor time that went to verifying", shares),
            )
        ],
        goals=[
            Goal(f"beside {count} hostile answers", f"at least {GOAL}", f"{one:.2f}", one >= GOAL)
            for count, one in worst.items()
        ],
        versions=versions("rightkey", "cryptography"),
    )


def beside(rate: Callable[[int, int], tuple[float, float]], port: int, count: int) -> tuple[float, float]:
    """How much of the rate is left in one round, and the share of the processor's time."""
    before, (during, share), after = rate(port, 0), rate(port, count), rate(port, 0)
    return during / statistics.mean((before[0], after[0])), share


def table_of(rounds: Rounds, which: int) -> dict[str, dict[int, float]]:
    """The medians of the rounds, by kind and number."""
    return {
        name: {count: statistics.median(one[which] for one in rounds[name, count]) for count in BESIDE}
        for name in ENDLESS
    }


def verified_in(seconds: float, verify: Callable[[str], Any], token: str) -> tuple[float, float]:
    """How many verifications one thread makes a second, and which part of the process's time it has."""
    count, begun = 0, time.perf_counter()
    own, whole = time.thread_time(), time.process_time()
    while time.perf_counter() < begun + seconds:
        verify(token)
        count += 1
    took = time.perf_counter() - begun
    return count / took, (time.thread_time() - own) / (time.process_time() - whole)


def fetch(port: int) -> None:
    with suppress(ExchangeFailed):
        DefaultTransport(trust_env=False).get(Request(f"http://127.0.0.1:{port}/"))


@contextmanager
def served() -> Iterator[dict[str, int]]:
    """A port for each kind, all served by another process, so that sending costs nothing here."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def serve(told: Any) -> None:
    listeners = {name: socket.create_server(("127.0.0.1", 0), backlog=128) for name in ENDLESS}
    for name, listener in listeners.items():
        threading.Thread(target=accept, args=(listener, *ENDLESS[name], name == "single octets")).start()
    told.send({name: listener.getsockname()[1] for name, listener in listeners.items()})


def accept(listener: socket.socket, start: bytes, rest: bytes, singly: bool) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=send, args=(sock, start, rest, singly), daemon=True).start()


def send(sock: socket.socket, start: bytes, rest: bytes, singly: bool) -> None:
    with sock, suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(start)
        for piece in cycle([rest if singly else rest * (65536 // len(rest))]):
            sock.sendall(piece)
            time.sleep(0.001 if singly else 0)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)


if __name__ == "__main__":
    command(__doc__, measure, options)

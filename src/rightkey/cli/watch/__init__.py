"""`rightkey watch`: what changes at an issuer, as lines, and as a history of its keys."""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from rightkey.cli import output
from rightkey.cli.connection import Connection, connection_options, metadata_option, provider_option
from rightkey.cli.errors import BadUse
from rightkey.cli.stopping import stop_signal
from rightkey.cli.times import written
from rightkey.cli.watch.files import HistoryFile, read_history
from rightkey.cli.watch.looking import Entry, Watch
from rightkey.exchange import Transport
from rightkey.issuer.name import Issuer
from rightkey.sources.elapsed import SYSTEM
from rightkey.sources.given import alone, place_of
from rightkey.sources.source import Means

_TOLD = {
    "KeysFetched": "fetched: {keys} usable, {skipped} skipped",
    "KeysRotated": "rotated: in {added}, out {removed}",
    "KeysMissing": "missing, served for {grace:.0f} s yet: {keys}",
    "FetchFailed": "failed: {message}",
    "ServedStale": "stale keys serve for {left:.0f} s yet",
    "KeyLeaked": "LEAKED: the private half of key {kid}, thumbprint {thumbprint}",
    "HeaderChanged": "{header} of {url}: {before} became {after}",
}
"""How an event reads, by its name."""


@click.command()
@click.argument("issuer")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between looks.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N looks.")
@click.option("--history", metavar="FILE", help="Keep the history of its keys in FILE and FILE.head.")
@click.option("--export", is_flag=True, help="Print the withdrawn keys of --history, and do not look.")
@metadata_option
@provider_option
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line an event.")
def watch(
    issuer: str,
    every: float,
    count: int | None,
    history: str | None,
    export: bool,
    metadata_url: str | None,
    provider: str | None,
    connection: Connection,
    as_json: bool,
) -> int:
    """Show what changes at ISSUER, until it is interrupted: keys, headers, failures.

    Ends with 0, or with 3 where --count ended it and the last look failed. --export prints the payload of
    OpenID Federation's historical keys.
    """
    parsed = Issuer.parse(issuer, provider, metadata_url, plain_http=connection.plain_http)
    if export:
        return _export(history, parsed.name)
    file = HistoryFile(history, parsed.name, time.time()) if history else None
    means = connection.freshness()

    def remote_of(transport: Transport) -> Any:
        return alone(place_of(parsed), Means(transport, means, SYSTEM))

    looking = Watch(remote_of, connection.transport(), time.time, file)
    with _until_signal() as pause:
        for entries in looking.looks(every, pause, count):
            for entry in entries:
                _show(entry, as_json)
    return 3 if count is not None and looking.failed else 0


def line(entry: Entry) -> str:
    """An entry for people."""
    data = {name: _names(value) for name, value in entry.data.items()}
    told = _TOLD.get(entry.event)
    return f"{written(entry.at)}  {told.format(**data) if told else entry.event}"


def _names(value: Any) -> Any:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else value


def _show(entry: Entry, as_json: bool) -> None:
    text = json.dumps(entry.document()) if as_json else output.plain(line(entry))
    output.write(sys.stdout, text + "\n")
    sys.stdout.flush()  # a pipe is read line by line


def _export(path: str | None, issuer: str) -> int:
    if path is None:
        raise BadUse("--export needs --history FILE")
    history = read_history(path)
    if history.issuer != issuer:
        raise BadUse(f"{path}: the key history belongs to {history.issuer!r}, not of {issuer!r}")
    output.data(history.exported(time.time()))
    return 0


@contextmanager
def _until_signal() -> Iterator[Callable[[float], bool]]:
    """A pause that SIGINT and SIGTERM end, and with it the watch.

    No handler sets an Event: it would wait for ever for a lock that its own thread holds to begin a wait.
    """
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    with stop_signal() as stop:
        try:
            yield lambda seconds: bool(select.select([stop], [], [], seconds)[0])
        finally:
            socket.close(signal.set_wakeup_fd(-1))
            for one, handler in before.items():
                signal.signal(one, handler)

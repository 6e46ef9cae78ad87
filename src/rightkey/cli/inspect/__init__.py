"""`rightkey inspect`: a page on this machine that explains a token."""

from __future__ import annotations

import json
import secrets
import sys

import click

from rightkey.cli import layout, output
from rightkey.cli.connection import Connection, connection_options
from rightkey.cli.errors import BadUse
from rightkey.cli.inspect.answers import Page
from rightkey.cli.inspect.questions import Questions
from rightkey.cli.stopping import stop_signal
from rightkey.localissuer.wire.listener import Listener

_SECRET = 16
"""Bytes of chance in the page's URL, so that no other page can guess it."""


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen.  [default: any free]"
)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def inspect(port: int, connection: Connection, as_json: bool) -> int:
    """Serve a page that explains a token, until it is interrupted.

    Open the URL that it prints, and paste a token or name an issuer. Only this machine can reach the page. It
    sends nothing to an issuer, until you press the button that names its host.
    """
    connection.transport()  # its file is read now, and not at the first press of a button
    secret = secrets.token_urlsafe(_SECRET)
    listener = Listener(
        lambda request: Page(listener.origin, secret, Questions(connection)).respond(request), port=port
    )
    stop = stop_signal()
    try:
        _start(listener, port)
        _tell(f"{listener.origin}/{secret}/", as_json=as_json)
        stop.recv(1)
    finally:
        stop.close()
        listener.close()
    return 0


def _start(listener: Listener, port: int) -> None:
    try:
        listener.start()
    except OSError as error:
        why = (error.strerror or "cannot listen").lower()
        raise BadUse(f"127.0.0.1 port {port}: {why}", "--port 0 takes any free one") from None


def _tell(url: str, *, as_json: bool) -> None:
    """Print the URL and flush, since a program may wait for it at the other end of a pipe."""
    if as_json:
        output.write(sys.stdout, json.dumps({"url": url}) + "\n")
    else:
        layout.pairs([("page", url)])
    sys.stdout.flush()

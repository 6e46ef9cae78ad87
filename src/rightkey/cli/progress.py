"""A sign of life on stderr while a slow answer is awaited: on a terminal only, and never in data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from rightkey.cli.output import plain, styled

AFTER = 0.3
"""Seconds until it is shown: what is answered sooner should not flicker."""


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner beside these words, if the block takes longer than a moment."""
    if not (sys.stderr.isatty() and styled(sys.stderr)):
        yield
        return
    from rich.console import Console
    from rich.text import Text

    status = Console(stderr=True).status(Text(plain(what), "dim"))
    timer = Timer(AFTER, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be starting the spinner right now
        status.stop()

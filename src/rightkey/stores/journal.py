"""Journal: the denials in a directory, as lines of a file to which they are added.

    8d0c... 65536        a name at random, and the size up to which lines are added
    1767225600 BASE64    when a denial ends, as a Unix time in seconds, and its record

A reader goes on where it ended. Past that size the file is written anew, without what has ended: its first
line is another one then, and it is read from the start. What a crash has cut off is one line that cannot be
read.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path

from rightkey.stores.store import News, StoreRefused
from rightkey.verdict.denylist import MAX_DENIED

_GROWTH = 64 * 1024
_NONE: tuple[bytes, int] = (b"", 0)


def read(path: Path, since: Hashable) -> News:
    """What was added since a position. Raises OSError."""
    try:
        with path.open("rb") as file:
            first = file.readline(_GROWTH)
            begin = len(first)
            name, offset = since if isinstance(since, tuple) else (None, 0)
            whole = name != first
            file.seek(begin if whole else offset)
            octets = file.read()
            end = octets.rfind(b"\n") + 1  # what comes after it is still being written
            return News((first, (begin if whole else offset) + end), whole, _records(octets[:end]))
    except FileNotFoundError:
        return News(_NONE, since != _NONE, [])


def append(path: Path, record: bytes, until: float, now: float) -> bytes | None:
    """Add a denial, alone; or return what the file must be instead, with it. Raises OSError, StoreRefused."""
    line = b"%d %s\n" % (until, base64.b64encode(record))
    try:
        with path.open("r+b") as file:
            first = file.readline(_GROWTH)
            size = file.seek(0, os.SEEK_END)
            if 0 < size <= _size_in(first):
                file.seek(size - 1)
                file.write(line if file.read(1) == b"\n" else b"\n" + line)
                return None
            file.seek(len(first))
            lines = [one for one in dict.fromkeys(file.read().split(b"\n")) if _lasts(one, now)]
    except FileNotFoundError:
        lines = []
    if len(lines) >= MAX_DENIED:
        raise StoreRefused("full", f"the store's directory holds {MAX_DENIED} denials already")
    octets = b"".join(one + b"\n" for one in lines) + line
    return b"%s %d\n%s" % (os.urandom(8).hex().encode(), len(octets) + max(_GROWTH, len(octets) // 4), octets)


def _size_in(first: bytes) -> int:
    """Up to which size the file is added to; 0 where that cannot be read."""
    with suppress(ValueError, IndexError):
        return int(first.split()[1])
    return 0


def _lasts(line: bytes, now: float) -> bool:
    with suppress(ValueError):
        return int(line.split(b" ")[0]) > now
    return False


def _records(octets: bytes) -> list[bytes]:
    found = []
    for line in octets.splitlines():
        with suppress(ValueError, IndexError):
            found.append(base64.b64decode(line.split(b" ")[1], validate=True))
    return found

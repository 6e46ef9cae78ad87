"""How files that the command line names are read and written."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from rightkey.cli.errors import BadUse
from rightkey.sources.files import shown

_MOST = 16 * 1024 * 1024


def contents(path: str) -> bytes:
    """The bytes of a file. Raises BadUse."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    if len(octets) > _MOST:
        raise BadUse(f"{path}: over {_MOST} bytes")
    return octets


def replace(path: str, octets: bytes, mode: int) -> None:
    """Write a file whole, or not at all: a reader meanwhile reads the one before. Raises BadUse.

    A link stays one, and what it leads to is written. What is no file, such as `/dev/stdout`, is written to.

    Args:
        mode: its permissions, whatever those of the one before were, and the umask is.
    """
    new = None
    try:
        path = os.path.realpath(path)
        if os.path.exists(path) and not os.path.isfile(path):
            Path(path).write_bytes(octets)
            return
        handle, new = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path) or ".")
        with open(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(handle)
            os.fchmod(handle, mode)
        os.replace(new, path)
    except (OSError, ValueError) as error:
        if new is not None:
            with suppress(OSError):
                os.unlink(new)
        raise _unusable(path, error) from None


def _unusable(path: str, error: Exception) -> BadUse:
    why = getattr(error, "strerror", None) or "not a valid file name"  # ValueError: a NUL in the name
    return BadUse(f"{shown(Path(path))}: {why.lower()}")

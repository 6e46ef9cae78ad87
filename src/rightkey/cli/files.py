"""How files that the command line names are read."""

from __future__ import annotations

from pathlib import Path

from rightkey.cli.errors import BadUse
from rightkey.sources.files import shown

_MOST = 16 * 1024 * 1024


def contents(path: str) -> bytes:
    """The bytes of a file. Raises BadUse."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MOST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or "not a valid file name"
        raise BadUse(f"{shown(Path(path))}: {why.lower()}") from None
    if len(octets) > _MOST:
        raise BadUse(f"{path}: over {_MOST} bytes")
    return octets

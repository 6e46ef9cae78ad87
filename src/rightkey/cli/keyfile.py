"""The octets of a file that the command line names."""

from __future__ import annotations

from pathlib import Path

from rightkey.cli.ending import BadUse

_MOST = 16 * 1024 * 1024


def contents(path: str) -> bytes:
    """The octets of a file named on the command line. Raises BadUse."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_MOST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or "not a file's name"
        raise BadUse(f"{path}: {why.lower()}") from None
    if len(octets) > _MOST:
        raise BadUse(f"{path}: over {_MOST} bytes")
    return octets

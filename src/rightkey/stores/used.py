"""Used: marks of used proofs as empty files in a directory, one each.

To make a file that must not be there yet (`O_EXCL`) is a step that no other process can come between, and
needs no lock. A file's time is when its mark ends. A process that makes marks removes those beside them that
have ended.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from rightkey.stores.store import StoreRefused

MAX_MARKS = 262_144
"""Used proofs that a directory remembers. Where there is no room, proofs are refused with 503."""
_FOLDERS = 256
_EACH = MAX_MARKS // _FOLDERS
_LOOK = 64
"""Marks that a process makes in one folder from one look at its room to the next."""
_UNTIMED = 60.0
"""Seconds for which a file stays whose time may not be set yet."""
_ROOM: dict[str, int] = {}
"""How many marks this process makes in a folder before it looks again."""


def mark(path: str, mark: bytes, until: float, now: float) -> bool:
    """Whether a mark is the first of its kind in a directory.

    Args:
        path: the directory.
        mark: 32 octets.
        until: when it ends, as a Unix time in seconds.
        now: the same, of now.

    Raises:
        OSError: the directory cannot be used.
        StoreRefused: it is full.
    """
    folder = os.path.join(path, mark[:1].hex())
    try:
        descriptor = _made(folder, mark, now)
    except FileExistsError:
        return False
    try:
        os.utime(descriptor, (until, until))
        return os.fstat(descriptor).st_nlink > 0  # none: so slow that another took it for one that has ended
    finally:
        os.close(descriptor)


def _made(folder: str, mark: bytes, now: float) -> int:
    _require_room(folder, now)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    name = os.path.join(folder, mark.hex())
    try:
        return os.open(name, flags, 0o600)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(os.path.dirname(folder), 0o700)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        return os.open(name, flags, 0o600)


def _require_room(folder: str, now: float) -> None:
    """Raises StoreRefused: as many are there as may be."""
    room = _ROOM.get(folder, 0)
    if room <= 0:
        room = min(_LOOK, _EACH - _swept(folder, now))
        if room <= 0:
            raise StoreRefused("full", f"the store's directory remembers {MAX_MARKS} used proofs already")
    _ROOM[folder] = room - 1


def _swept(folder: str, now: float) -> int:
    """How many marks there are, once those that have ended are gone."""
    left = 0
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for one in found:
            with suppress(FileNotFoundError):  # another process was faster
                at = one.stat(follow_symlinks=False)
                if stat.S_ISREG(at.st_mode) and at.st_mtime + _UNTIMED < now:
                    os.unlink(one.path)
                else:
                    left += 1
    return left

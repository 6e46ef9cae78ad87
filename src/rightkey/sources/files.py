"""Files: the keys in a file, or in a directory of them, and what tells that they have changed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeAlias

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable, Misconfigured, may_hold_secret
from rightkey.jose.keyset import KeySet
from rightkey.jose.pem import is_pem

MAX_BYTES = 512 * 1024
"""Bytes of one file of keys."""
MAX_FILES = 100
"""Files of one directory of keys."""
_FORMS = "a JWKS, a JWK, or public keys or certificates in PEM"
_SUFFIXES = (".pem", ".crt", ".cer", ".pub", ".key")

Stamp: TypeAlias = tuple[int, ...]
"""What differs once a file has changed: which file it is, its times, and its size."""


def stamps(path: Path) -> Mapping[Path, Stamp]:
    """The file, or those of a directory by name, with their stamps; links are followed, and what begins
    with a dot is passed over, as a mounted ConfigMap needs both.

    Raises:
        IssuerUnavailable: `keys_unavailable`: there is none, or it cannot be looked at.
        IssuerMisbehaved: `keyset_invalid`: there are too many, or it is no file but a pipe, which would keep
            its reader waiting.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return {path: _stamp(found)}
        if not stat.S_ISDIR(found.st_mode):
            raise IssuerMisbehaved("keyset_invalid", f"{shown(path)}: neither a regular file nor a directory")
        inside = {path / name: _file(path / name) for name in sorted(os.listdir(path)) if name[0] != "."}
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    files = {file: stamp for file, stamp in inside.items() if stamp is not None}
    if not files:
        raise IssuerUnavailable("keys_unavailable", f"{shown(path)}: no file in the directory")
    if len(files) > MAX_FILES:
        raise IssuerMisbehaved("keyset_invalid", f"{shown(path)}: over {MAX_FILES} files")
    return files


def read(
    path: Path,
    directory: bool = False,
    reading: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> KeySet:
    """Read one file: a key set in any form that `KeySet.parse` reads, or PEM.

    Args:
        directory: whether it is one of a directory's. Then its name is the key id of what it has in PEM.
        reading: of the octets that were read, held while keys are made of them, and not while a disk is
            waited for.

    Raises:
        IssuerUnavailable: `keys_unavailable`: it cannot be read.
        IssuerMisbehaved: `keyset_invalid`: it holds no key that can be used.
    """
    octets = octets_of(path)
    with reading(len(octets)):
        return parsed(path, octets, directory)


def octets_of(path: Path) -> bytes:
    """What is in a file. Raises as `read`."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(octets) > MAX_BYTES:
        raise IssuerMisbehaved("keyset_invalid", f"{shown(path)}: over {MAX_BYTES} bytes")
    return octets


def parsed(path: Path, octets: bytes, directory: bool = False) -> KeySet:
    """The keys in what was read of a file. Raises IssuerMisbehaved: `keyset_invalid`: there is none."""
    try:
        keys = _parse(octets, _kid(path) if directory else None)
    except (Misconfigured, IssuerMisbehaved) as error:
        hint = error.hint or _FORMS
        raise IssuerMisbehaved("keyset_invalid", f"{shown(path)}: {error}", hint=hint) from None
    if not keys:
        raise IssuerMisbehaved("keyset_invalid", f"{shown(path)}: no signing key in it: {keys.why_not}")
    return keys


_PLACES = ("/", "./", "../", "~/")
_HELD = re.compile(r"^\s*\"|[\w+/=-]{60}|[a-z]{2,}:[/\\]", re.ASCII)
"""What else people give for the name of a file: what it holds, as JSON in quotes or base64url, or a URL."""


def shown(path: Path) -> str:
    """A path as it may stand in a message: names of files can hold line ends, and what is none a secret."""
    text = str(path)
    if not text.startswith(_PLACES) and (may_hold_secret(text) or _HELD.search(text)):
        return "a path that is not shown, since it may be a key or a token"
    return ascii(text)[1:-1]


def _parse(octets: bytes, kid: str | None) -> KeySet:
    if is_pem(octets):
        return KeySet.from_pem(octets, kid=kid)
    return KeySet.parse(octets)


def _kid(path: Path) -> str:
    return path.stem if path.suffix.lower() in _SUFFIXES else path.name


def _file(path: Path) -> Stamp | None:
    """None for what is no file: a pipe would keep its reader waiting."""
    try:
        found = path.stat()
    except FileNotFoundError:  # it has gone since the directory was listed
        return None
    return _stamp(found) if stat.S_ISREG(found.st_mode) else None


def _stamp(found: os.stat_result) -> Stamp:
    # The time of the last change to the inode as well: one who sets the time of the content back cannot set
    # it back.
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _unreadable(path: Path, error: Exception) -> IssuerUnavailable:
    why = getattr(error, "strerror", None) or "not a file's name"  # ValueError: a NUL in the name
    return IssuerUnavailable("keys_unavailable", f"{shown(path)}: {why.lower()}")

"""DirectoryStore: what the processes of one host share, as files in a directory of their own.

One file a place, replaced whole (`os.replace`), under a lock of the system's (`fcntl.lockf`), which a killed
process lets go and a forked child does not inherit. Closing *any* descriptor of a locked file in a process
lets the lock go: so a lock's file is opened here alone, and by one thread at a time.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from rightkey.errors import Misconfigured, quoted
from rightkey.stores import journal, turns, used
from rightkey.stores.clocks import wall
from rightkey.stores.store import MAX_RECORDS, Asked, News, StoreFailed, Turn

PATIENCE = 0.25
"""Seconds that a process waits for a lock of another: it is held for less than a millisecond."""
_PAUSE = 0.002
_RECORDS, _USED, _DENIED = "distrusted", "used", "denied"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """A directory that no other user can write to.

    Args:
        path: the directory; made where there is none, as `/run/app/rightkey` in `/run/app`.
        clock: the time as Unix seconds; by default the system's, as the processes that share it must have it.

    Raises:
        Misconfigured: it cannot be made, is not ours, or others may write to or read it.
    """

    path: str
    clock: Callable[[], float] = field(default=wall, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.path.abspath(self.path))
        _require_ours(self._at())

    private = True

    @property
    def name(self) -> str:
        return f"file://{self.path}"

    def _at(self, name: str = "") -> Path:
        return Path(self.path, name)

    def look(self, place: str, asked: Asked, /) -> Turn:
        def look(kept: _Kept) -> Turn:
            turn = turns.look(kept.place, asked, self.clock())
            age = max(turn.age, _boot() - kept.boot) if turn.verb == "found" else 0.0
            return replace(turn, age=age, entry=kept.entry or None)

        def without_lock() -> Turn | None:
            """Most looks change nothing, and need none."""
            try:
                kept = self._read(place)
            except OSError as error:
                raise _failed(error) from error
            before = replace(kept.place)  # a look that changes the place must be made under the lock
            turn = look(kept)
            return turn if kept.place == before else None

        try:
            return without_lock() or self._with(place, look)
        except StoreFailed:
            if (turn := without_lock()) is None:
                raise
            return turn  # of many that wanted to lead at once, another does by now

    def put(self, place: str, turn: Turn, entry: bytes, /) -> None:
        def put(kept: _Kept) -> None:
            if turns.put(kept.place, turn):
                kept.entry, kept.boot = entry, _boot() - max(0.0, self.clock() - turn.at)

        self._with(place, put)

    def fail(self, place: str, turn: Turn, pause: float, word: str, forced: bool, /) -> None:
        def fail(kept: _Kept) -> None:
            turns.fail(kept.place, turn, pause, word, forced, self.clock())

        self._with(place, fail)

    def version(self) -> Hashable:
        try:
            found = os.stat(self._at(_RECORDS))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _failed(error) from error
        return found.st_mtime_ns, found.st_size, found.st_ino

    def records(self) -> Iterable[bytes]:
        try:
            return [base64.b64decode(line) for line in self._at(_RECORDS).read_bytes().split()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise _failed(error) from error

    def add(self, record: bytes, /) -> None:
        line = base64.b64encode(record)
        with self._locked(_RECORDS):
            lines = [base64.b64encode(one) for one in self.records()]
            if line not in lines:
                if len(lines) >= MAX_RECORDS:
                    raise StoreFailed("full", f"{self.name} holds {MAX_RECORDS} distrusted keys already")
                self._write(_RECORDS, b"\n".join([*lines, line]))

    def mark(self, mark: bytes, seconds: float, /) -> bool:
        now = self.clock()
        try:
            return used.mark(os.path.join(self.path, _USED), mark, now + seconds, now)
        except OSError as error:
            raise _failed(error) from error

    def deny(self, record: bytes, until: float, /) -> None:
        with self._locked(_DENIED):
            anew = journal.append(self._at(_DENIED), record, until, self.clock())
            if anew is not None:
                self._write(_DENIED, anew)

    def denied(self, since: Hashable, /) -> News:
        try:
            return journal.read(self._at(_DENIED), since)
        except (OSError, ValueError) as error:
            raise _failed(error) from error

    def _with(self, place: str, step: Callable[[_Kept], _T]) -> _T:
        """Make a step that changes the state of a place."""
        with self._locked(place):
            kept = self._read(place)
            result = step(kept)
            self._write(place, kept.octets())
        return result

    def _read(self, place: str) -> _Kept:
        try:
            return _Kept.read(self._at(place).read_bytes())
        except FileNotFoundError:
            return _Kept(turns.PlaceState())

    def _write(self, name: str, octets: bytes) -> None:
        """Whole or not at all. It is not forced to the disk: a file that a crash loses costs one request."""
        new = self._at(f"{name}.new")
        new.write_bytes(octets)
        os.replace(new, self._at(name))

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Alone on this host, for this name. Whatever fails meanwhile is StoreFailed."""
        if not _THREADS.acquire(timeout=PATIENCE):
            raise StoreFailed("timeout", f"{self.name} is held by another thread")
        try:
            with _lock_file(self._at(f"{name}.lock")):
                yield
        except OSError as error:
            raise _failed(error) from error
        finally:
            _THREADS.release()


@dataclass(slots=True)
class _Kept:
    """A place's file: one line of JSON, and the entry."""

    place: turns.PlaceState
    boot: float = 0.0
    """When the entry's request began, by the clock that runs from the boot: the other one may be set back."""
    entry: bytes = b""

    @classmethod
    def read(cls, octets: bytes) -> _Kept:
        """What cannot be read is empty: it costs one request."""
        head, _, entry = octets.partition(b"\n")
        try:
            members = json.loads(head)
            boot, place = float(members.pop("boot")), turns.PlaceState(**members)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(turns.PlaceState())
        return cls(place, boot, entry) if turns.is_whole(place) else cls(turns.PlaceState())

    def octets(self) -> bytes:
        return json.dumps(asdict(self.place) | {"boot": self.boot}).encode() + b"\n" + self.entry


_THREADS = threading.Lock()


@contextmanager
def _lock_file(path: Path) -> Iterator[None]:
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)  # lets the lock go


def _boot() -> float:
    """Seconds that no one sets back, the same for all processes of a host: since its start where possible."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _failed(error: Exception) -> StoreFailed:
    """By the exception's name: a message of the system's may be in any language."""
    word = "timeout" if isinstance(error, BlockingIOError) else type(error).__name__
    return StoreFailed(word, f"the store's directory cannot be used: {word}")


def _require_ours(path: Path) -> None:
    """Raises Misconfigured where another user could write to the directory."""
    if os.name != "posix":  # pragma: no cover - there is no lock that a killed process lets go
        raise Misconfigured("a directory as store needs a POSIX system", hint="use Redis or Valkey")
    try:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
    except OSError as error:
        raise Misconfigured(f"store {quoted(str(path))} cannot be used: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Misconfigured(
            f"store {quoted(str(path))} must be a directory of this user, which no other may enter",
            hint="chmod 700, or name one that does not exist yet",
        )


def _renew() -> None:  # pragma: no cover - runs in a forked child, where nothing measures
    global _THREADS
    _THREADS = threading.Lock()  # the thread that held it is not there


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_renew)

"""Where a key history is kept: a file of lines, and its head in a file beside it."""

from __future__ import annotations

import os
from pathlib import Path

from rightkey.cli.errors import BadUse
from rightkey.cli.files import contents
from rightkey.cli.watch.history import Broken, History


def read_history(path: str) -> History:
    """Read a history and check its chain. Raises BadUse."""
    head = _head(path)
    try:
        text = contents(path).decode()
        return History.read(text, contents(str(head)).decode() if head.exists() else None)
    except UnicodeDecodeError:
        raise BadUse(f"{path}: not a key history") from None
    except Broken as error:
        raise BadUse(
            f"{path}: the key history was changed: {error}", "restore it from a copy: it proves nothing now"
        ) from None


class HistoryFile:
    """A history that grows: each line is on the disk before the head names it."""

    def __init__(self, path: str, issuer: str, at: float) -> None:
        self.path = path
        if Path(path).exists():
            self.history = read_history(path)
            if self.history.issuer != issuer:
                raise BadUse(f"{path}: the key history belongs to {self.history.issuer!r}, not of {issuer!r}")
            self._written = self.history.lines
            self._size = Path(path).stat().st_size
            self.write(self.history.with_line(at, "resumed"))
        else:
            self.history, self._written, self._size = History.began(issuer, at), (), 0
            self.write(self.history)

    def write(self, history: History) -> None:
        """Append the lines that are new. Raises BadUse where another process has written meanwhile."""
        new = history.lines[len(self._written) :]
        text = "".join(f"{line.text()}\n" for line in new).encode()
        try:
            with Path(self.path).open("ab") as file:
                if file.tell() != self._size:
                    raise BadUse(f"{self.path}: another process writes this history")
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft = _head(self.path).with_name(f"{Path(self.path).name}.head.new")
            draft.write_text(history.head + "\n")
            draft.replace(_head(self.path))
        except OSError as error:
            raise BadUse(f"{self.path}: {(error.strerror or 'it cannot be written').lower()}") from None
        self.history, self._written, self._size = history, history.lines, self._size + len(text)


def _head(path: str) -> Path:
    return Path(f"{path}.head")

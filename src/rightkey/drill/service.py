"""The service before the issuer: started by the drill, restarted by a command, or there by itself."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, Self

from rightkey.drill.stopping import Stop
from rightkey.drill.target import Target, shown
from rightkey.localissuer import LocalIssuer

WAIT = 30.0
"""Seconds until a service must answer."""
_BETWEEN = 0.05  # seconds between two looks
_SAID, _LAST = 64 * 1024, 1000  # of what it said: octets that are read, and characters that are shown
_EXCEPTION = re.compile(r"[\w.:]*(Error|Exception)\b.*:")  # as Python, Node, Java and Ruby begin a line
_MARK = "DRILLED_SERVICE"  # in the environment of all that the command starts
_STOPPING, _FREEING = 5.0, 5.0  # seconds: to end by itself, and to be gone from its port


class NotReady(Exception):
    """The service does not answer, or takes no good token. More lines of the message say why."""


class NotStarted(NotReady):
    """The drill has started it, and it ended, or did not answer in time."""

    def __init__(self, why: str, words: Sequence[str], *, ended: bool) -> None:
        super().__init__("\n".join([why, *ending(words)]))
        self.ends = [why, *telling(words)]
        """Why, and the line of its last words that tells most."""
        self.ended = ended


def telling(words: Sequence[str]) -> list[str]:
    """The line that says why: the last that begins with an exception, or speaks of an error, or the last."""
    named = [line for line in words if _EXCEPTION.match(line)]
    return (named or [line for line in words if "rror" in line] or list(words))[-1:]


def ending(words: Sequence[str]) -> list[str]:
    """As much of last words as is shown: the line that says why, and the end."""
    end = "\n".join(words)[-_LAST:].splitlines()
    return [*(line for line in telling(words) if line not in end), *end]


class Served(Protocol):
    """A service as an exercise sees it."""

    def ended(self) -> str | None:
        """How it ended, if it did."""
        ...

    def last_words(self) -> list[str]:
        """What it said last, a line each."""
        ...


class Unknown:
    """A service that the drill has not started: only its answers are known."""

    def ended(self) -> str | None:
        return None

    def last_words(self) -> list[str]:
        return []


class Service:
    """A command that serves the target for as long as the `with` lasts, before one issuer.

    `{issuer}`, `{audience}` and `{jwks_uri}` in the command are replaced, and in its environment are
    `RIGHTKEY_ISSUER` and `RIGHTKEY_AUDIENCE`, and the authority to trust where the issuer serves https.
    """

    def __init__(
        self,
        command: Sequence[str],
        issuer: LocalIssuer,
        target: Target,
        wait: float = WAIT,
        stop: Stop | None = None,
    ) -> None:
        self._mark = f"{_MARK}={secrets.token_hex(16)}"
        self._command = filled(command, issuer)
        self._environment = os.environ | environment(issuer) | dict([self._mark.split("=")])
        self._target, self._wait, self._stop = target, wait, stop or Stop()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._target.ask().status is not None:
            raise NotReady(f"another process answers at {self._target.url} already")
        try:
            with self._stop.held():
                self._said = tempfile.TemporaryFile()
                self._process = self._started(self._said)
            self._await()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """And all that it has started. It may be called again, and where nothing was started."""
        with self._stop.held():
            if self._process is not None:
                self._end(self._process)
                self._process = None

    def ended(self) -> str | None:
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        return f"ended with {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"

    def last_words(self) -> list[str]:
        return _lines(self._said)

    def _started(self, said: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the user's own command
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            said.close()
            raise NotReady(f"{self._command[0]}: {(error.strerror or 'cannot be run').lower()}") from None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPING)
        _signal(process, signal.SIGKILL)
        process.wait()
        for pid in marked(self._mark):  # daemons, which have left the group
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._said.close()
        end = time.monotonic() + _FREEING
        while self._target.listens() and time.monotonic() < end:
            time.sleep(_BETWEEN)

    def _await(self) -> None:
        """Until it answers a request without a token."""
        end = time.monotonic() + self._wait
        while True:
            answer, ended = self._target.ask(), self.ended()
            if ended is not None:  # even where a daemon answers that it has left behind
                raise NotStarted(f"the service {ended}", self.last_words(), ended=True)
            if answer.status is not None:
                return
            if answer.untrusted:
                raise NotReady(f"{self._target.url} was {answer}")
            if time.monotonic() > end:
                why = f"no answer at {self._target.url} after {self._wait:.0f} s: {answer.error}"
                raise NotStarted(why, self.last_words(), ended=False)
            time.sleep(_BETWEEN)


class Restarted(Unknown):
    """A service that is started elsewhere, and restarted by a command: a container, a unit of systemd.

    The command is filled in as that of a `Service` is, and has to come back when the service was stopped.
    """

    def __init__(
        self,
        command: Sequence[str],
        issuer: LocalIssuer,
        target: Target,
        wait: float = WAIT,
        stop: Stop | None = None,
    ) -> None:
        self._command, self._environment = filled(command, issuer), os.environ | environment(issuer)
        self._target, self._wait = target, wait

    def __enter__(self) -> Self:
        self._run()
        end = time.monotonic() + self._wait
        while (answer := self._target.ask()).status is None:
            if answer.untrusted or time.monotonic() > end:
                raise NotReady(f"{self._target.url} was {answer} after {shlex.join(self._command)}")
            time.sleep(_BETWEEN)
        return self

    def __exit__(self, *_: object) -> None:
        """It goes on serving, as it did before the drill."""

    def _run(self) -> None:
        what = shlex.join(self._command)
        with tempfile.TemporaryFile() as said:  # no pipe: what it leaves running would keep that open
            try:
                done = subprocess.run(  # noqa: S603 - the user's own command
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    timeout=self._wait,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise NotReady(f"{what}: did not end within {self._wait:.0f} s") from None
            except OSError as error:
                raise NotReady(f"{what}: {(error.strerror or 'cannot be run').lower()}") from None
            if done.returncode:
                raise NotReady("\n".join([f"{what}: ended with {done.returncode}", *ending(_lines(said))]))


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the command and all that it has started: a shell, a server's workers."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def environment(issuer: LocalIssuer) -> Mapping[str, str]:
    """What a service must be told: its issuer, and the audience of its tokens."""
    told = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": issuer.audience}
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return told | {name: str(issuer.ca_file) for name in names if issuer.ca_file}


def filled(command: Sequence[str], issuer: LocalIssuer) -> list[str]:
    """A command with the issuer's own in place of `{issuer}`, `{audience}`, `{jwks_uri}` and `{ca_file}`."""
    names = {
        "issuer": issuer.url,
        "audience": issuer.audience,
        "jwks_uri": issuer.urls["jwks"],
        "ca_file": str(issuer.ca_file or ""),
    }
    return [_filled(word, names) for word in command]


def _filled(word: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def marked(mark: str) -> list[int]:
    """Processes with this in their environment: a daemon leaves its group and its session, but not that.

    Only Linux tells (proc(5)); elsewhere none is found.
    """
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or it has just ended
            if mark.encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found


def _lines(said: IO[bytes]) -> list[str]:
    """The last of them, and no more: a service may have said more than fits in memory.

    The file's offset is the service's, too, and stays where it is.
    """
    size = os.fstat(said.fileno()).st_size
    octets = os.pread(said.fileno(), _SAID, max(0, size - _SAID))
    return shown(octets.decode(errors="replace").strip()).splitlines()

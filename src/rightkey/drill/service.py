"""The service's own process, where the drill is told how to start it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self

from rightkey.drill.target import Target
from rightkey.localissuer import LocalIssuer

_BETWEEN = 0.05  # seconds between two looks at whether it answers
_LAST = 2000  # characters of what it said
_STOPPING = 10.0  # seconds


class NotReady(Exception):
    """The service does not answer, or takes no good token: there is nothing to score."""


class Service:
    """A command that serves the target for as long as the `with` lasts, before one issuer.

    `{issuer}`, `{audience}` and `{jwks_uri}` in the command are replaced, and in its environment are
    `RIGHTKEY_ISSUER` and `RIGHTKEY_AUDIENCE`, and the authority to trust where the issuer serves https.
    """

    def __init__(self, command: Sequence[str], issuer: LocalIssuer, target: Target, wait: float) -> None:
        names = {"issuer": issuer.url, "audience": issuer.audience, "jwks_uri": issuer.urls["jwks"]}
        self._command = [_filled(word, names) for word in command]
        self._environment = os.environ | environment(issuer)
        self._target, self._wait = target, wait

    def __enter__(self) -> Self:
        if self._target.ask().status is not None:
            raise NotReady(f"somebody else answers at {self._target.url} already")
        self._said = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise NotReady(f"{self._command[0]}: {(error.strerror or 'cannot be run').lower()}") from None
        try:
            self._await()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOPPING)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._said.close()

    def _signal(self, number: signal.Signals) -> None:
        """To the command and all that it has started: a shell, a server's workers."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _await(self) -> None:
        """Until it answers whoever has no token."""
        end = time.monotonic() + self._wait
        while self._target.ask().status is None:
            if self._process.poll() is not None:
                raise NotReady(f"the service ended with {self._process.returncode}:\n{self._last_words()}")
            if time.monotonic() > end:
                why = f"nobody answers at {self._target.url} after {self._wait:.0f} s"
                raise NotReady(f"{why}:\n{self._last_words()}")
            time.sleep(_BETWEEN)

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-_LAST:].strip()


def environment(issuer: LocalIssuer) -> Mapping[str, str]:
    """What a service must be told: whom to trust, and for what."""
    told = {"RIGHTKEY_ISSUER": issuer.url, "RIGHTKEY_AUDIENCE": issuer.audience}
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return told | {name: str(issuer.ca_file) for name in names if issuer.ca_file}


def _filled(word: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        word = word.replace(f"{{{name}}}", value)
    return word

"""The service before the issuer, where `test_rehearsing` does not meet it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from rightkey.drill import Target
from rightkey.drill.service import NotStarted, Service, ending, marked, telling
from rightkey.drill.stopping import Interrupted, Stop
from rightkey.localissuer import LocalIssuer

TALKS = "import os; os.lseek(1, 2**34, 0); os.write(1, b'\\nthe last words'); raise SystemExit(3)"


def test_a_service_may_say_more_than_fits_in_memory(free_port: int) -> None:
    """Only the end of it is read: this one has said 16 GiB."""
    with LocalIssuer(algorithm="ES256") as issuer, Target(f"http://127.0.0.1:{free_port}/") as target:
        service = Service([sys.executable, "-c", TALKS], issuer, target)
        with pytest.raises(NotStarted) as caught, service:
            pass
    assert caught.value.ends == ["the service ended with 3", "the last words"]


def test_a_signal_while_a_process_is_started_leaves_none(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered before `with` has begun, whose end would end the process."""
    started: list[subprocess.Popen[bytes]] = []

    class Signalled(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    monkeypatch.setattr("rightkey.drill.service._STOPPING", 60.0)
    target = Target(f"http://127.0.0.1:{free_port}/")
    with LocalIssuer(algorithm="ES256") as issuer, target, Stop() as stop:
        service = Service(["sleep", "60"], issuer, target, stop=stop)
        with pytest.raises(Interrupted), service:
            pass
    assert [process.poll() for process in started] == [-signal.SIGTERM]


def test_what_is_not_marked_is_not_found() -> None:
    """Whatever else runs on the machine is left alone."""
    assert marked("DRILLED_SERVICE=of no process") == []


NODE = [
    "keys.js:207",
    "",
    "Error: no keys",
    "    at generate (keys.js:207)",
    "  data: Error: inner",
    "Node.js v20",
]
PYTHON = ["Traceback (most recent call last):", "ValueError: 1", "httpx.HTTPStatusError: 503", "exit"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (NODE, "Error: no keys"),
        (PYTHON, "httpx.HTTPStatusError: 503"),
        (["app.rb:3:in `get': refused (Errno::ECONNREFUSED)", "an error came", "bye"], "an error came"),
        (["one", "two"], "two"),
    ],
)
def test_one_line_says_why_a_service_ended(words: list[str], line: str) -> None:
    """Stacks and dumps are about that line, and not the reason."""
    assert telling(words) == [line]


def test_of_long_last_words_the_reason_and_the_end_are_shown() -> None:
    """Node prints a whole object after its error."""
    shown = ending(["Error: no keys", *["  member: null,"] * 500, "Node.js v20"])
    assert (shown[0], shown[-1]) == ("Error: no keys", "Node.js v20")
    assert len("\n".join(shown)) < 1100
    assert ending([]) == []

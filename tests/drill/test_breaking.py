"""Attempts to break the drill itself: there is always a card, and never a process or port left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow
OPTIONS = ("--alg", "ES256", "--life", "1", "--cooldown", "0", "--wait", "60", "--json")
HARMLESS = ("tokens", "attack: alg-none", "good: unknown claim")


HASTY = """
import os, sys, time
from rightkey.cli import main
from rightkey.drill import rehearsing, service, target

class Passing:
    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        time.sleep(seconds)
        with open(os.environ["PIDS"]) as told:
            if "there" in told.read():
                self.now += 61.0

service._STOPPING, service._FREEING, target.PATIENCE = 1.0, 1e6, float(sys.argv.pop(1))
if sys.argv.pop(1) == "vainly":
    service.time = rehearsing.time = Passing()
main()
"""
"""The command line, which ends sooner what ignores SIGTERM. Where it waits vainly for a service to answer
well, time stands still until that is there, however long it takes to start, and is up with the next look."""


class Drilled:
    """`rightkey drill` as a process of its own, with its card."""

    def __init__(
        self,
        broken: Any,
        folder: Path,
        command: list[str],
        *options: str,
        url: str | None = None,
        patience: float = 60.0,
        vainly: bool = False,
    ) -> None:
        self.broken, self.file = broken, folder / "junit.xml"
        words = ["drill", url or broken.url, *OPTIONS, *options, "--junit", str(self.file), "--", *command]
        self.process = subprocess.Popen(
            [sys.executable, "-c", HASTY, str(patience), "vainly" if vainly else "", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | broken.environment,
            text=True,
        )

    def ended(self) -> tuple[int, dict[str, Any], str]:
        """Exit code, card and words; nothing is left."""
        out, err = self.process.communicate(timeout=300)
        until(lambda: self.broken.left() == [])
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", self.broken.port)) != 0, "the port is not free"
        assert out, (self.process.returncode, err)
        card = json.loads(out)
        cases = list(ElementTree.fromstring(self.file.read_bytes()))
        assert len(cases) == len(card["rows"]) + (card["stopped"] is not None)
        return self.process.returncode, card, err


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("ends", 2, "the service ended with 1\nno setting"),
        ("never-listens", 2, "no answer at "),
        ("hangs", 2, "nothing came within"),
        ("redirects", 2, "a good token was answered 302\nlocation: https://elsewhere.example/sign-in"),
        ("closes", 2, "no answer at "),
        ("refuses", 2, "a good token was answered 401"),
        ("dies", 1, None),
        ("slow", 0, None),
        ("empty", 0, None),
        ("huge", 0, None),
        ("stays", 0, None),
        ("noisy", 0, None),
        ("daemon", 0, None),
        ("left", 2, "the service ended with 0"),
        ("banner", 2, "it does not answer in HTTP/1.1"),
        ("no-status", 2, "it does not answer in HTTP/1.1"),
        ("many-headers", 2, "it does not answer in HTTP/1.1"),
        ("long-header", 2, "it does not answer in HTTP/1.1"),
        ("bad-chunk", 2, "a good token was answered 401"),
    ],
)
def test_whatever_the_service_does_there_is_a_card(
    broken: Any, tmp_path: Path, how: str, code: int, said: str | None
) -> None:
    """It ends, hangs, redirects, answers slowly, nonsense or 256 MiB, dies, stays, or leaves a daemon."""
    how_long = {"vainly": code == 2, "patience": 3.0 if how == "hangs" else 60.0}
    got, card, err = Drilled(broken, tmp_path, broken.command(how), *only(*HARMLESS), **how_long).ended()
    assert got == code, err
    assert [row["name"] for row in card["rows"]] == ["tokens", "good: unknown claim", "attack: alg-none"]
    if said is not None:
        assert said in card["stopped"]
        assert said in err
        assert {row["verdict"] for row in card["rows"]} == {"skipped"}


def test_a_service_that_drops_connections_has_not_ended(broken: Any, tmp_path: Path) -> None:
    """Every other one: what is not answered is an error, but the process is there."""
    code, card, err = Drilled(broken, tmp_path, broken.command("drops"), *only("*: alg-*", "tokens")).ended()
    assert code in (0, 1), err
    assert "ended" not in {row["verdict"] for row in card["rows"]}


def test_another_process_at_the_port_is_noticed(broken: Any, tmp_path: Path) -> None:
    """It would be scored in the service's place; it is not ended."""
    with LocalIssuer(algorithm="ES256") as other:
        url = other.urls["jwks"]
        got, card, _ = Drilled(broken, tmp_path, broken.command("slow"), *only("tokens"), url=url).ended()
        assert (got, card["stopped"]) == (2, f"another process answers at {url} already")
        assert broken.pids == []


def test_a_certificate_that_is_not_trusted_is_told(broken: Any, tmp_path: Path) -> None:
    """And not waited for."""
    with LocalIssuer(tls=True, algorithm="ES256") as other:
        got, card, _ = Drilled(broken, tmp_path, [], *only("tokens"), url=other.urls["jwks"]).ended()
    assert got == 2
    assert "its certificate is not trusted" in card["stopped"]


def test_a_command_that_cannot_be_run(broken: Any, tmp_path: Path) -> None:
    """By its name."""
    got, card, _ = Drilled(broken, tmp_path, ["/no/such/command"], *only("tokens")).ended()
    assert (got, card["stopped"]) == (2, "/no/such/command: no such file or directory")


STAGES = {
    "before the service listens": ("never-listens", 1),
    "before it takes a token": ("refuses", 1),
    "while an exercise is played": ("slow", 1),
    "after it was started anew": ("slow", 2),
    "while it is being stopped": ("stays", 2),
}


@pytest.mark.parametrize(
    ("stage", "number"),
    [
        *((stage, signal.SIGTERM) for stage in STAGES),
        ("while an exercise is played", signal.SIGHUP),
        ("while it is being stopped", signal.SIGINT),
    ],
)
def test_a_signal_ends_the_drill_with_a_card(
    broken: Any, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    """At whatever stage it comes."""
    how, starts = STAGES[stage]
    run = Drilled(broken, tmp_path, broken.command(how), "--only", "*")
    until(lambda: len(broken.pids) >= starts and (how != "stays" or len(broken.left()) == 1))
    run.process.send_signal(number)
    code, card, err = run.ended()
    assert code == 128 + number, err
    assert card["stopped"] == f"interrupted by {number.name}"
    assert "skipped" in {row["verdict"] for row in card["rows"]}
    assert not card["ok"]


def test_a_signal_at_the_very_start_leaves_nothing(broken: Any, tmp_path: Path) -> None:
    """Whenever it comes in the first second."""
    for tick in range(0, 1000, 200):
        run = Drilled(broken, tmp_path, broken.command("slow"), *only(*HARMLESS))
        time.sleep(tick / 1000)
        run.process.send_signal(signal.SIGTERM)
        run.process.communicate(timeout=300)
        assert run.process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
        until(lambda: broken.left() == [])


def until(holds: Any) -> None:
    """A process that was killed may still be there for a moment."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it does not come, or a process is left"
        time.sleep(0.02)

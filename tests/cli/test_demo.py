"""`rightkey demo`: what a newcomer runs first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rightkey.cli import demo_scenes
from rightkey.cli.demo import run
from rightkey.cli.demo_scenes import SCENES, Line, Stage, note, play, the_path
from rightkey.localissuer import LocalIssuer

pytestmark = pytest.mark.slow

DEMO = [sys.executable, "-m", "rightkey", "demo"]


def sabotaged(stage: Stage) -> Iterator[Line]:
    """A verifier that takes what it must not take."""
    yield stage.expect("an expired token", stage.issuer.attack("expired"), "verified")


def broken(stage: Stage) -> Iterator[Line]:
    """A scene that does not come to its end."""
    yield note("issuer", "begins")
    raise RuntimeError("the stage is on fire")


def silent(stage: Stage) -> Iterator[Line]:
    """A scene that expects nothing shows nothing."""
    yield note("issuer", "expects nothing")


def good(stage: Stage) -> Iterator[Line]:
    """One that comes out as it must."""
    yield stage.expect("a token", stage.issuer.token(), "verified", 2)


def test_the_demo_ends_with_0() -> None:
    """Every scene comes out as it must, and off a terminal no escape is printed."""
    done = subprocess.run(DEMO, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    headings = [line for line in done.stdout.splitlines() if line.startswith("✓ ") and line[2].isdigit()]
    assert [heading.split(": ")[0][5:] for heading in headings] == list(SCENES)
    assert "\x1b" not in done.stdout
    assert "✗" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("8 of 8 scenes as they must be: ")


def test_its_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests are the issuers' own count, and add up."""
    assert run(SCENES, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert [scene["name"] for scene in told["scenes"]] == list(SCENES)
    assert all(scene["ok"] and scene["requests"] > 0 and scene["about"] for scene in told["scenes"])
    assert told["requests"] == sum(scene["requests"] for scene in told["scenes"])
    marks = {line["mark"] for scene in told["scenes"] for line in scene["told"]}
    assert marks <= {"ok", "note", "skipped"}


def test_a_scene_that_goes_wrong_is_shown_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are played all the same."""
    assert run({"sabotaged": sabotaged, "good": good}, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "✗ 1. sabotaged: 0 requests" in shown
    assert "an expired token: 401 claims_rejected, 0 requests" in shown
    assert "✓ 2. good: 2 requests" in shown
    assert "1 of 2 scenes as they must be" in shown


def test_json_says_so_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """`ok` is false for the scene and for the whole."""
    assert run({"sabotaged": sabotaged, "good": good}, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], [scene["ok"] for scene in told["scenes"]]) == (False, [False, True])


def test_a_scene_that_breaks_off_has_failed() -> None:
    """And says by what."""
    scene = play("broken", broken)
    assert not scene.ok
    assert scene.told[-1] == Line("failed", "scene", "it broke off: RuntimeError: the stage is on fire")


def test_a_scene_that_expects_nothing_has_failed() -> None:
    """A demo that shows nothing must not look like one that works."""
    assert not play("silent", silent).ok


def test_a_verdict_that_costs_more_than_it_may_has_failed() -> None:
    """The price is part of what is expected."""

    def dear(stage: Stage) -> Iterator[Line]:
        yield stage.expect("a token", stage.issuer.token(), "verified", 0)

    assert play("dear", dear).told == (Line("failed", "verifier", "a token: verified, 2 requests"),)


def test_the_first_request_does_not_wait_for_keys_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine that takes longer than an answer may."""

    def asked(_: str) -> None:
        raise LookupError(len(issuer.ring._ring.keys))

    monkeypatch.setattr(demo_scenes, "locate", asked)
    with LocalIssuer() as issuer, pytest.raises(LookupError, match="2"):
        next(the_path(Stage(issuer)))


def test_a_terminal_gets_colours_unless_told_otherwise() -> None:
    """What goes wrong stands out; marks stay where colours go."""
    assert "\x1b[31m✗" in on_a_terminal()
    plain = on_a_terminal(NO_COLOR="1")
    assert "✗" in plain
    assert "\x1b[31m" not in plain


def on_a_terminal(**environment: str) -> str:
    """What a terminal is sent for a scene that has failed."""
    pty = pytest.importorskip("pty")
    program = (
        "from rightkey.cli.demo import show; from rightkey.cli.demo_scenes import Line, Scene;"
        "show(1, Scene('a scene', 'about', (Line('failed', 'verifier', 'not as it must be'),), 3, False))"
    )
    ours, theirs = pty.openpty()
    dropped = {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    settings = kept | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"} | environment
    try:
        subprocess.run([sys.executable, "-c", program], env=settings, stdout=theirs, check=True)
        return str(os.read(ours, 65536), "utf-8")
    finally:
        os.close(ours)
        os.close(theirs)

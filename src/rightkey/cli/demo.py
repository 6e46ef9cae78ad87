"""`rightkey demo`: the path, rotations, an outage, a flood and attacks, played out on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.text import Text

from rightkey.cli import layout, output
from rightkey.cli.demo_scenes import SCENES, Play, Scene, play
from rightkey.cli.progress import busy


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def demo(as_json: bool) -> int:
    """Show the path, rotations, an outage, a flood and attacks.

    Everything runs on this machine: an issuer on a loopback port, and a verifier that is asked to cope. Ends
    with 0 where each scene came out as it must, else with 1.
    """
    return run(SCENES, as_json=as_json)


def run(scenes: Mapping[str, Play], *, as_json: bool) -> int:
    """Play scenes, show each as it ends, and return the exit code."""
    began = time.monotonic()
    played: list[Scene] = []
    for name, scene in scenes.items():
        with busy(f"{len(played) + 1}/{len(scenes)} {name}"):
            played.append(play(name, scene))
        if not as_json:
            show(len(played), played[-1])
    seconds = time.monotonic() - began
    if as_json:
        output.data(as_data(played, seconds))
    else:
        end(played, seconds)
    return 0 if all(scene.ok for scene in played) else 1


def as_data(played: list[Scene], seconds: float) -> dict[str, object]:
    """The scenes as JSON."""
    return {
        "ok": all(scene.ok for scene in played),
        "requests": sum(scene.requests for scene in played),
        "seconds": round(seconds, 3),
        "scenes": [asdict(scene) for scene in played],
    }


def show(number: int, scene: Scene) -> None:
    """A scene's heading, with its mark and what it cost; then what happened."""
    sign = layout.mark("ok" if scene.ok else "failed").plain
    cost = layout.counted(scene.requests, "request")
    layout.line(f"{sign} {number}. {scene.name}: {cost}", "bold" if scene.ok else "red bold")
    layout.line(scene.about, "dim")
    layout.triples((layout.mark(one.mark), one.who, Text(one.text)) for one in scene.told)
    layout.line()


def end(played: list[Scene], seconds: float) -> None:
    """How many scenes came out as they must."""
    good = sum(scene.ok for scene in played)
    cost = layout.counted(sum(scene.requests for scene in played), "request")
    style = "green bold" if good == len(played) else "red bold"
    layout.line(
        f"{good} of {layout.counted(len(played), 'scene')} as they must be: {cost}, {seconds:.1f} s", style
    )

"""Staying power: what rotations, floods, outages and forgeries do to each verifier's users and issuer.

    python -m bench.staying [--only NAME ...] [--scenes NAME ...]

Every scene has a fresh issuer on loopback and a fresh verifier, set up as its users do. In revocation and
outages keys are cached for a second, where that can be set. "Refused" are good tokens that were not accepted
within twelve seconds, "accepted" bad ones that were; "stall" is the longest that a token by a known key
waited, and "loop" the longest that an event loop stood still.

After a flood of 200 unknown keys, one after another, a new key's token is tried again and again for twelve
seconds: who takes it in the end counts it as good, and "late" is when. An issuer that answers with 64 MiB
ends them in a good document; no verdict is wrong then, and what counts is "memory", by how much the
verifier's process grew at the most (Linux alone tells).

auth0-api-python and aws-jwt-verify take no issuer but one of https: that of the former is called so, and
what fetches is handed in, that of the latter speaks it. FastMCP has no setting for the life of its cache; it
is given the same life, and asks again as often.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from bench.contenders import PACKAGES, Stage
from bench.nodejs import Node
from bench.players import ENTRANTS, Entrant
from bench.playing import Play, Tally
from bench.report import Report, Table, command, versions
from bench.scenes import SCENES, Scene


def options(parser: argparse.ArgumentParser) -> None:
    names = [entrant.name for entrant in ENTRANTS]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--scenes", nargs="*", choices=SCENES, default=list(SCENES))


def measure(options: argparse.Namespace) -> Report:
    results: dict[str, dict[str, Tally]] = {}
    notes = []
    for entrant in (one for one in ENTRANTS if one.name in options.only):
        try:
            results[entrant.name] = {name: played(entrant, SCENES[name]) for name in options.scenes}
        except (ImportError, OSError) as missing:
            notes.append(f"{entrant.name} is not installed ({type(missing).__name__}).")
    with Node() as node:
        found = versions(*PACKAGES) | node.versions
    tables = [summary(results), scene_by_scene(results, options.scenes)]
    notes += [
        f"{name} accepted: {', '.join(dict.fromkeys(wrong))}."
        for name, by_scene in results.items()
        if (wrong := [what for tally in by_scene.values() for what in tally.accepted])
    ]
    figures = {
        name: {scene: asdict(tally) for scene, tally in by_scene.items()}
        for name, by_scene in results.items()
    }
    return Report("staying", figures, tables, notes=notes, versions=found)


def played(entrant: Entrant, scene: Scene) -> Tally:
    with entrant.issuer() as issuer:
        player = entrant.enter(Stage.of(issuer), scene.life)
        try:
            play, began = Play(issuer, player), time.perf_counter()
            scene.play(play)
            play.tally.seconds = time.perf_counter() - began
            play.tally.requests = sum(issuer.requests[endpoint] for endpoint in ("discovery", "jwks"))
            play.tally.loop = player.stalled()
        finally:
            player.close()
    return play.tally


def summary(results: dict[str, dict[str, Tally]]) -> Table:
    rows = []
    for name, by_scene in results.items():
        tallies = list(by_scene.values())
        loops = [tally.loop for tally in tallies if tally.loop is not None]
        memory = [tally.memory for tally in tallies if tally.memory is not None]
        rows.append(
            (
                name,
                f"{sum(one.refused for one in tallies)} of {sum(one.good for one in tallies):,}",
                f"{sum(len(one.accepted) for one in tallies)} of {sum(one.bad for one in tallies)}",
                f"{sum(one.requests for one in tallies):,}",
                f"{1e3 * max(one.stall for one in tallies):,.0f}",
                f"{1e3 * max(loops):,.0f}" if loops else "",
                f"{max(memory):,.0f}" if memory else "",
            )
        )
    columns = ("who", "good refused", "bad accepted", "requests", "stall, ms", "loop, ms", "memory, MiB")
    return Table("All scenes together", columns, rows)


def scene_by_scene(results: dict[str, dict[str, Tally]], scenes: list[str]) -> Table:
    rows = [(scene, *(by_scene[scene].told for by_scene in results.values())) for scene in scenes]
    return Table("Scene by scene: what went wrong, requests, longest stall", ("scene", *results), rows)


if __name__ == "__main__":
    command(__doc__, measure, options)

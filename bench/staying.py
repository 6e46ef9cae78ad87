"""Staying power: what rotations, floods, outages and forgeries do to each verifier's users and issuer.

    python -m bench.staying [--only NAME ...] [--scenes NAME ...]

Every scene has a fresh issuer on loopback and a fresh verifier, set up as its users do. In revocation and
outages keys are cached for a second, where that can be set. "Refused" are good tokens that were not accepted
within twelve seconds, "accepted" bad ones that were; "stall" is the longest that a token by a known key
waited, and "loop" the longest that an event loop stood still. auth0-api-python and aws-jwt-verify take no
issuer but one of https: theirs is called so, and what fetches is handed in. FastMCP has no setting for the
life of its cache; it is given the same life, and asks again as often.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import wait
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from bench.contenders import PACKAGES, Stage
from bench.nodejs import Node
from bench.players import ENTRANTS, Entrant, Player
from bench.report import Report, Table, command, versions
from rightkey.localissuer import ATTACKS, LocalIssuer, fault
from rightkey.localissuer.signing import Form, SigningKey

LIFE = 1.0
PATIENCE = 12.0
BETWEEN = 0.005  # seconds between two tokens of those who only watch


@dataclass
class Tally:
    """What came of one scene."""

    good: int = 0
    refused: int = 0
    bad: int = 0
    accepted: list[str] = field(default_factory=list)
    requests: int = 0
    stall: float = 0.0
    loop: float | None = None

    @property
    def told(self) -> str:
        said = [f"{self.refused} of {self.good} refused"] if self.refused else []
        said += [f"{len(self.accepted)} of {self.bad} accepted"] if self.accepted else []
        return ", ".join([*said, f"{self.requests} req.", f"{1e3 * self.stall:.0f} ms"])


@dataclass
class Play:
    """One verifier before one issuer."""

    issuer: LocalIssuer
    player: Player
    tally: Tally = field(default_factory=Tally)

    def warm(self) -> None:
        """Keys are at hand; what that took does not count."""
        self.player.send(self.issuer.token(sub="alice")).result(PATIENCE)
        self.issuer.requests.clear()

    def good(self, tokens: Iterable[str]) -> None:
        """All at once."""
        sent = [self.player.send(token) for token in tokens]
        done, _ = wait(sent, PATIENCE)
        self.tally.good += len(sent)
        self.tally.refused += sum(not (future in done and future.result()) for future in sent)

    def one_by_one(self, token: str, times: int) -> None:
        """A known key's, again and again while patience lasts; the longest wait is kept."""
        end = time.perf_counter() + PATIENCE
        for _ in range(times):
            start = time.perf_counter()
            if start > end:
                break
            self.good([token])
            self.tally.stall = max(self.tally.stall, time.perf_counter() - start)
            time.sleep(BETWEEN)

    def bad(self, tokens: dict[str, str]) -> None:
        sent = {name: self.player.send(token) for name, token in tokens.items()}
        done, _ = wait(sent.values(), PATIENCE)
        self.tally.bad += len(sent)
        self.tally.accepted += [name for name, future in sent.items() if future in done and future.result()]

    def pass_life(self) -> None:
        time.sleep(1.3 * LIFE)


def cold(play: Play) -> None:
    play.good([play.issuer.token(sub=str(user)) for user in range(100)])


def rotation(play: Play) -> None:
    play.warm()
    play.issuer.rotate()
    play.good([play.issuer.token(sub=str(user)) for user in range(5)])


def surprise(play: Play) -> None:
    play.warm()
    play.issuer.rotate(surprise=True)
    play.good([play.issuer.token(sub=str(user)) for user in range(5)])


def flood(play: Play) -> None:
    """Unknown keys by the hundred, while the issuer takes a second to answer."""
    play.warm()
    known, play.issuer.delay = play.issuer.token(sub="alice"), 1.0
    key = SigningKey.generate("RS256", Form(certificates=False), kid="stranger")
    forged = {f"kid {n}": play.issuer.token(key=key, header={"kid": f"kid-{n}"}) for n in range(100)}
    flooding = threading.Thread(target=play.bad, args=(forged,))
    flooding.start()
    while flooding.is_alive():
        play.one_by_one(known, 5)


def swap(play: Play) -> None:
    """Other key material under the same kid."""
    play.warm()
    play.issuer.swap()
    play.good([play.issuer.token(sub="alice")])
    play.good([play.issuer.token(sub="bob")])


def revoked(play: Play) -> None:
    """A key is withdrawn; once its life is over and somebody has asked, it must count no more."""
    old = play.issuer.current
    play.warm()
    play.issuer.rotate()
    play.issuer.revoke(old.kid)
    play.pass_life()
    play.good([play.issuer.token(sub="alice")])
    play.bad({"revoked": play.issuer.token(key=old, sub="mallory")})


def outage(what: str, **options: Any) -> Callable[[Play], None]:
    """From the end of the keys' life on."""

    def scene(play: Play) -> None:
        play.warm()
        for endpoint in ("discovery", "jwks"):
            with contextlib.suppress(ValueError):  # some faults are of key sets alone
                play.issuer.misbehave(endpoint, fault(what, **options))
        play.pass_life()
        play.one_by_one(play.issuer.token(sub="alice"), 20)

    return scene


def odd_set(what: str) -> Callable[[Play], None]:
    """A key set with something odd beside the good key."""

    def scene(play: Play) -> None:
        play.issuer.misbehave("jwks", what)
        play.good([play.issuer.token(sub="alice")])

    return scene


def unfit_key(what: str) -> Callable[[Play], None]:
    """The key itself must not be used."""

    def scene(play: Play) -> None:
        play.issuer.misbehave("jwks", what)
        play.bad({what: play.issuer.token(sub="alice")})

    return scene


def attacks(play: Play) -> None:
    play.warm()
    play.bad({name: play.issuer.attack(name, sub="mallory") for name in ATTACKS})


class Scene(NamedTuple):
    """`life` is for how long keys are cached, in seconds, where that can be set."""

    play: Callable[[Play], None]
    life: float = 600.0


SCENES = {
    "cold start": Scene(cold),
    "rotation": Scene(rotation),
    "rotation unannounced": Scene(surprise),
    "flood of unknown keys": Scene(flood),
    "same kid, other key": Scene(swap),
    "key revoked": Scene(revoked, LIFE),
    "outage: 503": Scene(outage("status"), LIFE),
    "outage: 429": Scene(outage("status", code=429, retry_after=60), LIFE),
    "outage: hang": Scene(outage("hang"), LIFE),
    "outage: HTML page": Scene(outage("html"), LIFE),
    "outage: no keys": Scene(outage("empty-set"), LIFE),
    "outage: truncated": Scene(outage("truncated"), LIFE),
    "set: broken members": Scene(odd_set("broken-member")),
    "set: kid twice": Scene(odd_set("duplicate-kid")),
    "set: no alg": Scene(odd_set("no-alg")),
    "key: use=enc": Scene(unfit_key("use-enc")),
    "key: private": Scene(unfit_key("private-members")),
    "attacks": Scene(attacks),
}


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
        if (wrong := [what for tally in by_scene.values() for what in tally.accepted if "kid " not in what])
    ]
    figures = {
        name: {scene: asdict(tally) for scene, tally in by_scene.items()}
        for name, by_scene in results.items()
    }
    return Report("staying", figures, tables, notes=notes, versions=found)


def played(entrant: Entrant, scene: Scene) -> Tally:
    with LocalIssuer(url="https://tenant.example/" if entrant.named else None) as issuer:
        player = entrant.enter(Stage.of(issuer), scene.life)
        try:
            play = Play(issuer, player)
            scene.play(play)
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
        rows.append(
            (
                name,
                f"{sum(one.refused for one in tallies)} of {sum(one.good for one in tallies):,}",
                f"{sum(len(one.accepted) for one in tallies)} of {sum(one.bad for one in tallies)}",
                f"{sum(one.requests for one in tallies):,}",
                f"{1e3 * max(one.stall for one in tallies):,.0f}",
                f"{1e3 * max(loops):,.0f}" if loops else "",
            )
        )
    columns = ("who", "good refused", "bad accepted", "requests", "longest stall, ms", "loop, ms")
    return Table("All scenes together", columns, rows)


def scene_by_scene(results: dict[str, dict[str, Tally]], scenes: list[str]) -> Table:
    rows = [(scene, *(by_scene[scene].told for by_scene in results.values())) for scene in scenes]
    return Table("Scene by scene: what went wrong, requests, longest stall", ("scene", *results), rows)


if __name__ == "__main__":
    command(__doc__, measure, options)

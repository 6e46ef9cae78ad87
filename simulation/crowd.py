"""A crowd: many issuers at once in one process, some of which hang, and the bound on the wait in line.

    (h * t + s * T) / (most / 2) + T        of an issuer that was never asked before
    h * t / (most / 2) + T                  of one that has answered before

for h healthy issuers of t seconds each and s hanging ones; T is the time after which a refresh is given up.
Users of the healthy ones come again each second.
"""

from __future__ import annotations

from typing import NamedTuple

from rightkey.freshness.settings import Freshness
from simulation.issuers import MODES, Issuer, Mode
from simulation.stage import Stage

TAKES = 0.2
"""Seconds that a healthy issuer takes."""
QUICK, HANGS = Mode("healthy", TAKES, TAKES, good=True), MODES["hanging"]._replace(least=1e6, most=1e6)
NEAR = 0.1
EACH = 1.0
"""Seconds after which a user tries again."""


class Waited(NamedTuple):
    """How long healthy issuers stood in line at most, in seconds, and what is stated."""

    longest: float
    bound: float


def crowd(healthy: int, hanging: int, *, known: bool, places: int = 32) -> Waited:
    """All of them need a refresh at once, those that hang first. Users of the healthy ones come again until
    their token passes; those of the others come once.

    Args:
        known: whether the healthy ones have answered before.
        places: how many refreshes run at once: the setting `jobs`.
    """
    freshness = Freshness(jobs=places)
    stage = Stage(0, freshness)
    stage.line.watches = False
    try:
        return _play(stage, healthy, hanging, known)
    finally:
        stage.world.end()


def _play(stage: Stage, healthy: int, hanging: int, known: bool) -> Waited:
    quick = [_add(stage, f"h{number}", QUICK) for number in range(healthy)]
    stuck = [_add(stage, f"s{number}", HANGS) for number in range(hanging)]
    stage.open()
    half, patience = max(1, stage.freshness.jobs // 2), stage.freshness.wait
    bound = (healthy * TAKES + (0 if known else hanging * patience)) / half + patience
    if known:
        for issuer in quick:
            _come(stage, issuer, stage.world.now + bound)
        stage.world.run(stage.world.now + 4000.0)
    began = stage.line.waits = {}
    for issuer in stuck:
        stage.call(stage.tasks, issuer, issuer.names[0], _token(issuer), issuer.current, issuer.current.kid)
    stage.world.run(stage.world.now)
    for issuer in quick:
        _come(stage, issuer, stage.world.now + bound + patience)
    stage.world.run(stage.world.now + bound + 2 * patience)
    waits = [began.get(issuer.jwks_uri, float("inf")) for issuer in quick]
    return Waited(max(0.0, max(waits) - NEAR), bound)


def _add(stage: Stage, name: str, mode: Mode) -> Issuer:
    host = f"{name}.{stage.suffix}"
    issuer = stage.add([f"https://{host}/"], host, by_url=True)
    issuer.turn(stage.world.now, mode, None)
    return issuer


def _come(stage: Stage, issuer: Issuer, until: float) -> None:
    """A user who tries again each second until its token passes."""

    raw = _token(issuer)

    def come() -> None:
        while stage.world.now < until:
            try:
                stage.tasks.call(raw)
            except Exception:  # noqa: BLE001 - not yet
                stage.world.sleep(EACH)
            else:
                return

    stage.world.spawn(come)


def _token(issuer: Issuer) -> str:
    return issuer.current.token(issuer.names[0])

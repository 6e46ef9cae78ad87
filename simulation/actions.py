"""Actions: what issuers, users, operators and strangers do. Each is a step, made again by its salt."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from rightkey.errors import IssuerFault
from rightkey.issuer.name import identity_of
from rightkey.jose.keyset import KeySet
from simulation.issuers import MODES, Balancers, Issuer
from simulation.keys import forged
from simulation.stage import MAX_KEPT_TENANTS, TENANTS, Action, Stage

ACTIONS: dict[str, tuple[int, Action]] = {}
"""By name, each with its weight."""


def action(weight: int) -> Callable[[Action], Action]:
    def add(function: Action) -> Action:
        ACTIONS[function.__name__.rstrip("_")] = weight, function
        return function

    return add


# -- users


@action(20)
def honest(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Users come with tokens by the key that signs now."""
    count = chance.choice((1, 1, 2, 5, 20, 40))
    for _ in range(count):
        _send(stage, issuer, issuer.current, chance)
    return f"{count} users"


@action(14)
def users(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Users come for a while, each some seconds after the last, with tokens by what signs then."""
    every, seconds = chance.choice(((0.5, 60), (2.0, 200), (20.0, 2000), (200.0, 8000)))

    def come() -> None:
        until = stage.world.now + seconds
        while stage.world.now < until and not stage.closing:
            _send(stage, issuer, chance.choice(issuer.published.keys or (issuer.current,)), chance)
            stage.world.sleep(chance.uniform(0.0, 2 * every))

    stage.world.spawn(come)
    return f"a user each {every} s for {seconds} s"


@action(5)
def outdated(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Tokens by keys that are gone, or do not stand in the set yet."""
    keys = issuer.retired[-5:] + ([issuer.next] if issuer.next else [])
    for key in keys:
        _send(stage, issuer, key, chance)
    return f"tokens by {len(keys)} keys that are gone or to come"


# -- strangers


@action(8)
def unknown(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Key ids that there never were."""
    count = chance.choice((1, 3, 3, 30, 300))
    for _ in range(count):
        _forge(stage, issuer, _strange(issuer, chance), chance)
    return f"{count} unknown key ids"


@action(6)
def spoilt(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Bad signatures under key ids that there are, or were, or will be."""
    count = chance.choice((1, 3, 20))
    for _ in range(count):
        _forge(stage, issuer, _known(issuer, chance), chance)
    return f"{count} bad signatures"


@action(12)
def flood(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Both, for minutes or an hour."""
    every, seconds = chance.choice(((0.2, 30), (1.0, 300), (5.0, 1200), (10.0, 3600)))
    known = chance.choice((0.0, 0.3, 1.0))

    def pour() -> None:
        until = stage.world.now + seconds
        while stage.world.now < until and not stage.closing:
            kid = _known(issuer, chance) if chance.random() < known else _strange(issuer, chance)
            _forge(stage, issuer, kid, chance)
            stage.world.sleep(chance.uniform(0.0, 2 * every))

    stage.world.spawn(pour)
    return f"a flood for {seconds} s, one each {every} s, {known:.0%} of them bad signatures"


@action(8)
def siege(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """A flood, in which a key is rotated or swapped by surprise; users come all the while."""
    seconds, goes_on = chance.uniform(0.0, chance.choice((30.0, 900.0))), chance.random() < 0.5
    known, swap = chance.choice((0.0, 0.5, 1.0)), chance.random() < 0.5
    every = chance.choice((0.3, 3.0))

    def pour() -> None:
        while stage.world.now < until + 90.0 * goes_on and not stage.closing:
            kid = _known(issuer, chance) if chance.random() < known else _strange(issuer, chance)
            _forge(stage, issuer, kid, chance)
            stage.world.sleep(chance.uniform(0.0, 2 * every))

    def turn() -> None:
        stage.world.sleep(seconds)
        (swaps if swap else rotates)(stage, issuer, chance)
        while stage.world.now < until + 90.0 and not stage.closing:
            _send(stage, issuer, issuer.current, chance)
            stage.world.sleep(chance.uniform(0.0, 4.0))

    until = stage.world.now + seconds
    stage.world.spawn(pour)
    stage.world.spawn(turn)
    what = "a swap" if swap else "a rotation"
    return f"a siege, one each {every} s, {known:.0%} bad signatures; {what} after {seconds:.1f} s"


@action(3)
def tenants(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Tokens of many issuers that a function knows, of some that it does not know, and while it fails."""
    count = chance.choice((5, 40, TENANTS))
    for _ in range(count):
        one = stage.tenant(chance.randrange(count if count > MAX_KEPT_TENANTS else TENANTS))
        name = one.names[0]
        if chance.random() < 0.5:
            stage.call(stage.many, one, name, one.current.token(name), one.current, one.current.kid)
        else:
            stage.call(stage.many, one, name, forged(name, "x", chance.getrandbits(32)), None, "x")
    for host in ("down", "nowhere", "elsewhere"):
        raw = forged(f"https://{host}{chance.randrange(2000)}.example/", "x", chance.getrandbits(32))
        stage.foreign(stage.many, raw)
        stage.foreign(stage.threads, raw) if host != "down" else None
    return f"tokens of {count} tenants"


# -- operators


@action(1)
def distrust(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """A key is distrusted, by its key id or its thumbprint."""
    key = chance.choice((issuer.current, *issuer.retired[-2:]))
    names = {identity_of(name) for one in stage.issuers for name in one.names}
    if isinstance(issuer, Balancers) or chance.random() < 0.5:
        stage.oracle.distrusted |= {(name, key.kid) for name in names}
        stage.threads.distrust(key.kid)
    else:
        stage.oracle.signers_distrusted |= {(name, key) for name in names}
        (judged,) = KeySet.parse({"keys": [key.public]})
        stage.tasks.distrust(judged.thumbprint)
    return f"{key.kid} is distrusted"


@action(1)
def refresh(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Everything is fetched anew by order."""
    for view in stage.observed.views.values():
        view.ordered_at = stage.world.now

    def order() -> None:
        with suppress(IssuerFault):
            stage.threads.refresh()

    stage.world.spawn(order)
    return "a refresh is ordered"


# -- issuers


@action(14)
def turns(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """It answers another way from now on."""
    name = chance.choice(("healthy", "healthy", "healthy", "slow", *MODES))
    after = chance.choice((None, 0, 5, 40, 200, 100_000)) if name == "limiting" else None
    issuer.turn(stage.world.now, MODES[name], after)
    return f"turns {name}" + (f", Retry-After {after}" if after is not None else "")


@action(4)
def announces(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """The next key stands in the set before it signs."""
    issuer.next = issuer.next or issuer.make()
    issuer.publish(stage.world.now, issuer.current, issuer.next)
    return f"announces {issuer.next.kid}"


@action(3)
def prepares(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """The next key is made, and its key id may be guessed."""
    issuer.next = issuer.next or issuer.make()
    return f"makes {issuer.next.kid}"


@action(8)
def rotates(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """The next key signs from now on, announced or not; the last one stays or goes."""
    before, after = issuer.current, issuer.next or issuer.make()
    issuer.current, issuer.next = after, None
    kept = [before] if chance.random() < 0.5 and before not in issuer.published.leaked else []
    issuer.publish(stage.world.now, after, *kept)
    return f"rotates to {after.kid}, {'keeping' if kept else 'without'} {before.kid}"


@action(6)
def swaps(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Another key under the same key id."""
    if isinstance(issuer, Balancers):
        return "no swap"
    issuer.current = issuer.make(issuer.current.kid)
    issuer.publish(stage.world.now, issuer.current)
    return f"another key is {issuer.current.kid}"


@action(2)
def leaks(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """A key is published with its private half; some time later another signs."""
    if isinstance(issuer, Balancers):
        return "no leak"
    others = [key for key in issuer.published.keys if key is not issuer.current]
    issuer.publish(stage.world.now, issuer.current, *others, leaked=frozenset((issuer.current,)))
    return f"leaks {issuer.current.kid}"


@action(2)
def hides(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """What it published of private halves is taken out of the set; the keys stay."""
    issuer.publish(stage.world.now, *issuer.published.keys)
    return f"hides the private half of {len(issuer.leaked)} keys"


@action(2)
def moves(stage: Stage, issuer: Issuer, chance: Random) -> str:
    """Its keys are at another URL from now on; the old one answers 404."""
    if isinstance(issuer, Balancers) or issuer.by_url:
        return "no move"
    issuer.moves += 1
    if issuer.mode.name == "slow":  # the metadata and two sets of keys take longer than there is time
        issuer.good_since = stage.world.now
    return f"moves to {issuer.jwks_uri}"


def _send(stage: Stage, issuer: Issuer, key: Any, chance: Random) -> None:
    name, face = chance.choice(issuer.names), chance.choice((stage.threads, stage.tasks))
    stage.call(face, issuer, name, key.token(name), key, key.kid)


def _forge(stage: Stage, issuer: Issuer, kid: str, chance: Random) -> None:
    name, face = chance.choice(issuer.names), chance.choice((stage.threads, stage.tasks))
    stage.call(face, issuer, name, forged(name, kid, chance.getrandbits(32)), None, kid)


def _strange(issuer: Issuer, chance: Random) -> str:
    """A key id that there never was; some come again and again."""
    number = chance.choice((chance.getrandbits(32), chance.randrange(12)))
    if isinstance(issuer, Balancers) and chance.random() < 0.9:
        return f"{number:08x}-ffff-4d5e-8f70-91a2b3c4d5e6"
    return f"strange-{number}"


def _known(issuer: Issuer, chance: Random) -> str:
    keys = [issuer.current, *issuer.retired[-2:], *([issuer.next] if issuer.next else [])]
    kid: str = chance.choice(keys).kid
    return kid

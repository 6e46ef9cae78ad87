"""What a service does through the life of its issuer's keys: start, rotation, revocation, a flood."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rightkey.drill.exercise import Exercise
from rightkey.drill.stage import Failed, Skipped, Stage

CROWD = 50
"""How many ask at once."""
FEW = 5
"""How often one worker may ask the issuer, whatever strangers send."""
_STALL = 5.0  # seconds a good token may wait while strangers send theirs
_PROMPT = 1.0  # seconds it may wait while the issuer takes three to answer for a forged one
_UNKNOWN_LIFE = 20.0  # seconds to watch a revoked key where the life of keys is not known
_BETWEEN = 0.1  # seconds between two looks


def tokens(stage: Stage) -> str:
    stage.warm()
    answer = stage.ask()
    stage.judged(answer, "a request without a token")
    return f"a good token was accepted, a request without one {answer}"


def challenge(stage: Stage) -> str:
    stage.ready()
    head, payload, signature = stage.good().split(".")
    asked = {"without a token": None, "with a bad one": f"{head}.{payload}.{signature[::-1]}"}
    answers = {what: stage.ask(token) for what, token in asked.items()}
    refusals = {what: answer for what, answer in answers.items() if answer.status == 401}
    if not refusals:
        raise Skipped("no refusal was a 401")
    bare = [what for what, answer in refusals.items() if not answer.headers.get("www-authenticate")]
    if bare:
        raise Failed(f"the 401 to a request {' and '.join(bare)} had no WWW-Authenticate")
    return f"{len(refusals)} of 2 refusals were a 401, with a challenge"


def cold_start(stage: Stage) -> str:
    if not stage.fresh:
        raise Skipped("the service must be restarted for it: by its command, or by --restart")
    stage.issuer.delay = 0.2
    stage.accepts_all([stage.good() for _ in range(CROWD)])
    stage.asked(2 * FEW)
    return f"{CROWD} first users were let in together"


def rotation(stage: Stage) -> str:
    stage.warm()
    old = stage.issuer.current
    stage.issuer.rotate()
    stage.accepts(stage.good(), "a token by the new key")
    stage.accepts(stage.good(old), "a token by the former key")
    return "tokens by the new key and by the former one were accepted"


def surprise(stage: Stage) -> str:
    stage.warm()
    stage.issuer.rotate(surprise=True)
    took = stage.accepts_within(stage.good, stage.times.noticed)
    return f"the new key was accepted after {took:.1f} s"


def swap(stage: Stage) -> str:
    stage.warm()
    stage.issuer.swap()
    took = stage.accepts_within(stage.good, stage.times.noticed)
    return f"the new key was accepted after {took:.1f} s"


def revoked(stage: Stage) -> str:
    stage.warm()
    old = stage.issuer.current
    stage.issuer.rotate()
    stage.accepts(stage.good())
    stage.issuer.revoke(old.kid)
    began, life = time.monotonic(), stage.times.life
    most = _UNKNOWN_LIFE if life is None else 1.5 * life + 2
    stage.stopped = 0.0
    for _ in stage.until_refused(lambda: stage.good(old)):
        stage.stopped = round(time.monotonic() - began, 3)
        stage.accepts(stage.good())
        if stage.stopped > most:
            still = f"a revoked key was still accepted after {most:.0f} s"
            if life is None:
                raise Skipped(f"{still}; --life SECONDS says how long the service caches keys")
            raise Failed(still)
    stage.accepts(stage.good())
    return f"the revoked key was accepted for {stage.stopped:.1f} s more"


def slow(stage: Stage) -> str:
    stage.renew()
    stage.warm()
    stage.issuer.delay, began = 3.0, time.monotonic()
    forged = stage.target.send(stage.forged("stranger"))
    # keys that expire meanwhile are a reason to wait that has nothing to do with the forged token
    most = 1.0 if stage.times.life is None else min(1.0, stage.times.life / 2)
    while time.monotonic() - began < most:
        stage.accepts(stage.good())
        time.sleep(_BETWEEN)
    stage.judged(forged.result(), "a forged token")
    stage.waited(_PROMPT)
    return "no good token waited for the key of a forged one"


def flood(stage: Stage) -> str:
    stage.warm()
    stage.issuer.delay, began = 1.0, time.monotonic()
    forged = [stage.target.send(stage.forged(f"stranger-{number}")) for number in range(CROWD)]
    while not all(one.done() for one in forged):
        stage.accepts(stage.good())
        stage.waited(_STALL)
        time.sleep(_BETWEEN)
    for one in forged:
        stage.judged(one.result(), "a forged token")
    stage.asked(FEW + stage.refreshes(time.monotonic() - began))
    return f"{CROWD} forged tokens were refused, and good ones went on"


_REFETCH = "look at the issuer's keys again when a token names a key that is not held, once for all who wait"

EXERCISES: Mapping[str, Exercise] = {
    "tokens": Exercise(
        tokens,
        "accept a good token, and refuse a request without one",
        "RFC 6750, 3",
        "a resource that wants no token is open to everyone",
        "check that the verifier is in front of this route; if the body tells of the refusal, --accepted "
        "TEXT says what other answers have",
        fresh=True,
    ),
    "challenge": Exercise(
        challenge,
        "send WWW-Authenticate with each 401",
        "RFC 9110, 15.5.2",
        "clients, such as those of MCP, browsers and curl, learn from it how to sign in",
        'answer 401 with `WWW-Authenticate: Bearer`, and `error="invalid_token"` where there was a token',
    ),
    "cold start": Exercise(
        cold_start,
        f"let {CROWD} first users in together, and ask the issuer {2 * FEW} times at most",
        "CWE-400",
        "each deployment sends the issuer a burst from every process, which it answers with 429",
        "let all who need the keys wait for one fetch",
        kind="advice",
        fresh=True,
    ),
    "rotation": Exercise(
        rotation,
        "accept tokens by the next key, which was published before, and by the former one",
        "OpenID Connect Core, 10.1.1",
        "otherwise users are signed out at each planned rotation",
        "keep the whole key set, and choose by kid",
        kind="advice",
        fresh=True,
    ),
    "rotation without notice": Exercise(
        surprise,
        "accept a key that it has never seen before half the life of its keys, or its cooldown, is over",
        "OpenID Connect Core, 10.1.1",
        "after a key was lost, the issuer signs with a new one at once",
        _REFETCH,
        kind="advice",
        fresh=True,
    ),
    "same kid, other key": Exercise(
        swap,
        "accept another key under a known kid, as soon as one under a new kid",
        "OpenID Connect Core, 10.1.1",
        "some issuers have one fixed kid, and a restored one has other keys by the old names",
        "look at the keys again when the signature fails, with the same budget as for an unknown kid",
        kind="advice",
        fresh=True,
    ),
    "revocation": Exercise(
        revoked,
        "refuse a revoked key within one and a half lives of its keys and two seconds",
        "OpenID Connect Core, 10.1.1",
        "a key is withdrawn because it was stolen",
        "replace the whole set at each fetch instead of adding to it",
        kind="advice",
        fresh=True,
    ),
    "slow": Exercise(
        slow,
        "let no good token wait a second while the issuer takes three to answer for a forged one",
        "CVE-2026-48524",
        "one stranger stops all users",
        "hold no lock while keys are fetched: a token that a held key verifies need not wait",
        kind="advice",
        fresh=True,
    ),
    "flood": Exercise(
        flood,
        f"refuse {CROWD} forged tokens with unknown keys, ask the issuer {FEW} times at most, and go on",
        "CVE-2026-48524",
        "a stranger makes the service ask the issuer until the issuer answers 429 to everyone",
        "bound how often an unknown kid may cause a fetch, failed ones included",
        kind="advice",
        fresh=True,
    ),
}
"""Every exercise of these by name."""

"""The demo's scenes: what an operator fears, played out against a local issuer over real sockets.

A scene tells what happens, line by line, and expects what must come of it. Every number in a line was
counted while it ran. Each scene has an issuer of its own, since what an issuer may be asked is shared.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from rightkey.cli.layout import counted
from rightkey.errors import RightkeyError
from rightkey.freshness.settings import Freshness
from rightkey.localissuer import ATTACKS, LocalIssuer, SigningKey, fault
from rightkey.verifier.locate import locate
from rightkey.verifier.threads import Verifier

Mark = Literal["ok", "failed", "skipped", "note"]

FORGED = 1000
SLOW = 0.5
"""Seconds that the flooded issuer takes for an answer."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, and who did it. `ok` and `failed` are expectations, kept or not."""

    mark: Mark
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene that was played. `requests` is how many the issuer was sent, as it counted them."""

    name: str
    about: str
    told: tuple[Line, ...]
    requests: int
    ok: bool


class Clock:
    """Seconds that never go back, and may be moved forward."""

    def __init__(self) -> None:
        self._moved = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._moved

    def move(self, seconds: float) -> Line:
        self._moved += seconds
        text = f"{seconds:.0f} s" if seconds < MINUTE else f"{seconds / MINUTE:.0f} min"
        return note("clock", f"the verifier's is moved {text} ahead, instead of waiting")


class Stage:
    """What a scene plays on: an issuer, a verifier of its own, and that verifier's clock."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.issuer = issuer
        self.clock = Clock()
        self.verifier = Verifier(issuer.url, audience=issuer.audience, elapsed=self.clock)
        self._counted = 0

    def verdict(self, raw: str) -> str:
        """`verified`, or an error's status and code."""
        try:
            self.verifier.verify(raw)
        except RightkeyError as error:
            return f"{error.status} {error.code}"
        return "verified"

    def cost(self) -> int:
        """How many requests came since this was asked last."""
        before, self._counted = self._counted, self.issuer.requests.total
        return self._counted - before

    def expect(self, what: str, raw: str, verdict: str, cost: int | None = None) -> Line:
        """Have a token judged; `cost` is how many requests that must take."""
        got, cost_got = self.verdict(raw), self.cost()
        kept = got == verdict and cost in (None, cost_got)
        return expect(kept, "verifier", f"{what}: {got}, {counted(cost_got, 'request')}")


Play = Callable[[Stage], Iterator[Line]]


def note(who: str, text: str) -> Line:
    return Line("note", who, text)


def expect(kept: bool, who: str, text: str) -> Line:
    return Line("ok" if kept else "failed", who, text)


def short(key: SigningKey) -> str:
    """A key by the beginning of its name, to tell it from others in a scene."""
    return f"{key.kid[:8]}..."


def play(name: str, scene: Play) -> Scene:
    """Play a scene to its end. One that breaks off has failed, and says by what."""
    told: list[Line] = []
    with LocalIssuer() as issuer:
        try:
            told.extend(scene(Stage(issuer)))
        except Exception as error:  # noqa: BLE001 - whatever it was, the other scenes are played
            told.append(Line("failed", "scene", f"it broke off: {type(error).__name__}: {error}"))
        ok = any(line.mark == "ok" for line in told) and all(line.mark != "failed" for line in told)
        return Scene(name, scene.__doc__ or "", tuple(told), issuer.requests.total, ok)


def the_path(stage: Stage) -> Iterator[Line]:
    """From the issuer's name to its keys, and from a token to its verdict."""
    published = stage.issuer.keys  # made before they are asked for: on a busy machine RSA takes seconds
    provider = locate(stage.issuer.url)
    yield note("locate", f"the metadata at {provider.metadata_url}")
    yield note("locate", f"the keys at {provider.jwks_uri}")
    for key in provider.keys:
        yield note("locate", f"{key.kty} key {key.kid} for {key.alg}")
    yield expect(len(provider.keys) == len(published), "locate", f"done, {counted(stage.cost(), 'request')}")
    token = stage.issuer.token(sub="alice", scope="read:appointments")
    explanation = stage.verifier.explain(token, require="read:appointments")
    for step in explanation.steps:
        yield Line(step.outcome, step.step, step.detail)
    yield expect(
        explanation.verified is not None, "verifier", f"verified, {counted(stage.cost(), 'request')}"
    )


def rotation_ahead(stage: Stage) -> Iterator[Line]:
    """The next key is published before it signs: no token is refused, no request is sent."""
    yield stage.expect("a token by the current key", stage.issuer.token(), "verified")
    before = stage.issuer.token()
    key = stage.issuer.rotate()
    yield note("issuer", f"rotates to its next key, {short(key)}, which it had published already")
    yield stage.expect("a token by that key", stage.issuer.token(), "verified", 0)
    yield stage.expect("a token by the key before", before, "verified", 0)


def rotation_by_surprise(stage: Stage) -> Iterator[Line]:
    """A key that was never published signs: the one retry finds it."""
    before = stage.issuer.token()
    yield stage.expect("a token by the current key", before, "verified")
    key = stage.issuer.rotate(surprise=True)
    yield note("issuer", f"signs by a key that it had not published before, {short(key)}")
    yield stage.expect("a token by that key", stage.issuer.token(), "verified", 1)
    yield stage.expect("another one", stage.issuer.token(sub="bob"), "verified", 0)
    yield stage.expect("a token by the key before", before, "verified", 0)


def same_name_new_key(stage: Stage) -> Iterator[Line]:
    """The kid stays and the key changes: the signature fails, and the one retry heals it."""
    before = stage.issuer.token()
    yield stage.expect("a token by the current key", before, "verified")
    key = stage.issuer.swap()
    yield note("issuer", f"puts another key under the same kid, {short(key)}")
    yield stage.expect("a token by the new key", stage.issuer.token(), "verified", 1)
    yield stage.expect("a token by the key it replaced", before, "401 signature_invalid")


def outage(stage: Stage) -> Iterator[Line]:
    """The issuer answers 503: known keys serve on, and an unknown one is the issuer's fault."""
    known = stage.issuer.token()
    yield stage.expect("a token by the current key", known, "verified")
    for endpoint in ("discovery", "jwks"):
        stage.issuer.misbehave(endpoint, "status")
    yield note("issuer", "answers every request with 503, and signs by a new key")
    another = stage.issuer.token(sub="bob")
    stage.issuer.rotate(surprise=True)
    unknown = stage.issuer.token()
    yield stage.expect("a token seen before", known, "verified", 0)
    yield stage.expect("a new token by a known key", another, "verified", 0)
    yield stage.expect("a token by the unknown key, not 401", unknown, "503 keys_unavailable")
    yield stage.clock.move(15 * MINUTE)
    yield stage.expect("a token by a known key, past the life of the keys", known, "verified")
    yield stage.clock.move(120 * MINUTE)
    yield stage.expect("the same, past the bound for keys in an outage", known, "503 keys_unavailable")
    stage.issuer.behave()
    yield note("issuer", "is back")
    yield stage.clock.move(MINUTE)
    yield stage.expect("the token by the unknown key", unknown, "verified")


def flood(stage: Stage) -> Iterator[Line]:
    """Forged key ids: few requests, no wait for good tokens, and the next rotation is found."""
    good = stage.issuer.token()
    yield stage.expect("a good token", good, "verified")
    stage.issuer.misbehave("jwks", fault("delay", seconds=SLOW))
    verdicts, waits, took = _under_flood(stage, good)
    cost, settings = stage.cost(), Freshness()
    most = settings.draws + int(took / settings.draw_every)
    seen, slowest = ", ".join(sorted(set(verdicts))), max(waits, default=SLOW)
    yield note("flood", f"{len(verdicts)} tokens, each with a forged kid, in {took:.1f} s")
    yield note("issuer", f"takes {SLOW} s to answer")
    yield expect(seen == "401 key_not_found", "verifier", f"each forged one: {seen}")
    yield expect(cost <= most, "verifier", f"{counted(cost, 'request')}, of {most} that the budget allows")
    meanwhile = f"the good one, {counted(len(waits), 'time')} meanwhile"
    yield expect(slowest < SLOW, "verifier", f"{meanwhile}: {1000 * slowest:.1f} ms at most")
    stage.issuer.behave()
    stage.issuer.rotate(surprise=True)
    yield note("issuer", "signs by a key that it had not published before")
    wait = stage.verifier.status().next_draw_in
    yield note("status", f"the budget has its next request in {wait:.0f} s")
    yield stage.clock.move(wait + 1)
    yield stage.expect("a token by that key", stage.issuer.token(), "verified", 1)


def revocation(stage: Stage) -> Iterator[Line]:
    """A key that was withdrawn is refused after the next good answer, and the bound till then is stated."""
    token = stage.issuer.token()
    yield stage.expect("a token by the current key", token, "verified")
    leaving = stage.issuer.current
    stage.issuer.rotate()
    stage.issuer.revoke(leaving.kid)
    yield note("issuer", f"withdraws that key, {short(leaving)}")
    status = stage.verifier.status()
    bound = (status.revoked_key_bound or 0) / MINUTE
    yield note("status", f"should no good answer come, the key passes for {bound:.0f} min yet")
    yield stage.clock.move((status.fresh_for or 0) + 1)
    yield stage.expect("the token, once the keys are due", token, "401 key_not_found")
    yield stage.expect("a token by the key that signs now", stage.issuer.token(), "verified", 0)


def attacks(stage: Stage) -> Iterator[Line]:
    """Everything forged or misused is refused, and no lure is followed."""
    by_verdict = defaultdict(list)
    for name in ATTACKS:
        by_verdict[stage.verdict(stage.issuer.attack(name))].append(name)
    for verdict, names in sorted(by_verdict.items()):
        yield expect(verdict.startswith("401 "), "verifier", f"{verdict}: {', '.join(names)}")
    refused = sum(len(names) for verdict, names in by_verdict.items() if verdict != "verified")
    yield expect(refused == len(ATTACKS), "verifier", f"{refused} of {len(ATTACKS)} refused")
    lures = sum(stage.issuer.requests[name] for name in ("attacker-jwks", "attacker-certificate"))
    yield expect(
        lures == 0, "issuer", f"{counted(lures, 'request')} to where the tokens say that their keys are"
    )
    stage.cost()
    yield stage.expect("an honest token", stage.issuer.token(), "verified", 0)


def _under_flood(stage: Stage, good: str) -> tuple[list[str], list[float], float]:
    """The verdicts on the forged tokens, how long a good one took each time meanwhile, and the whole."""
    forged, waits = _forged(stage.issuer), []
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        verdicts = [pool.submit(stage.verdict, raw) for raw in forged]
        while not all(one.done() for one in verdicts):
            asked = time.monotonic()
            stage.verifier.verify(good)
            waits.append(time.monotonic() - asked)
            time.sleep(0.001)
    return [one.result() for one in verdicts], waits, time.monotonic() - began


def _forged(issuer: LocalIssuer) -> list[str]:
    stranger = SigningKey.generate("ES256")
    header = {"alg": "RS256"}  # as the issuer's: the algorithm alone gives nothing away
    return [
        issuer.token(key=stranger, header=header | {"kid": secrets.token_urlsafe(16)}) for _ in range(FORGED)
    ]


SCENES: Mapping[str, Play] = {
    "the path": the_path,
    "rotation, published ahead": rotation_ahead,
    "rotation, under the verifier's feet": rotation_by_surprise,
    "another key under the same kid": same_name_new_key,
    "the issuer is down": outage,
    "a flood of forged key ids": flood,
    "a key is withdrawn": revocation,
    "attacks": attacks,
}
"""Every scene by name, in the order in which they are played."""

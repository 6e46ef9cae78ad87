"""Plays a rotation and an outage in virtual time, and draws what was recorded: python tests/docs/timelines.py

Both are real: an issuer in the process, a verifier whose clock is moved, and its events. Nothing is drawn
that did not happen. The command writes docs/rotation.svg and docs/outage.svg.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from path import STYLE, text

import rightkey
from rightkey.events import Event, FetchFailed, KeysFetched, KeysRotated
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.keys.signing import SigningKey

DOCS = Path(__file__).parents[2] / "docs"
NOON = 1_800_000_000.0
"""Unix time at which each story begins."""
STEP = 30
"""Seconds from one round of requests to the next."""
LIFE = "max-age=600"
NAMES = "ABCDE"


class Token(NamedTuple):
    """A request to the service, at a minute: by which key its token is, and how it was answered."""

    minute: float
    key: str
    status: int


class Fetch(NamedTuple):
    """A request to the issuer: `good`, or it failed; `forced`: because a token asked for it."""

    minute: float
    good: bool
    forced: bool


Spans: TypeAlias = "dict[str, list[tuple[float, float]]]"
"""When each key was there, in minutes from and to."""


@dataclass
class Record:
    """What happened."""

    tokens: list[Token] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    published: Spans = field(default_factory=dict)
    held: Spans = field(default_factory=dict)
    down: list[float] = field(default_factory=list)
    """Minutes at which the issuer goes down and comes back, in turns."""


class Stage:
    """An issuer, a service that verifies its tokens, and the time, which stands still until it is moved."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.issuer, self.now, self.record = issuer, 0.0, Record()
        self.holds: set[str] = set()
        self.threads = set(threading.enumerate())
        self.verifier = rightkey.Verifier(
            issuer.url,
            audience=issuer.audience,
            transport=issuer.transport(),
            listener=self.heard,
            elapsed=lambda: self.now,
            clock=lambda: NOON + self.now,
        )

    @property
    def minute(self) -> float:
        return self.now / 60

    def heard(self, event: Event) -> None:
        match event:
            case KeysFetched(forced=forced):
                self.record.fetches.append(Fetch(self.minute, True, forced))
                self.holds = self.holds or {key.kid for key in self.issuer.keys}
            case FetchFailed(forced=forced):
                self.record.fetches.append(Fetch(self.minute, False, forced))
            case KeysRotated(added=added, removed=removed):
                self.holds = (self.holds | {*added}) - {*removed}

    def look(self) -> None:
        """Note which keys are published now, and which are held and may be used."""
        self.note(self.record.published, {key.kid for key in self.issuer.keys})
        self.note(self.record.held, self.holds if self.verifier.status().ready else set())

    def note(self, spans: Spans, kids: set[str]) -> None:
        """Lengthen the spans of the keys that were there at the step before, and begin those of others."""
        until = self.minute + STEP / 60
        for kid in sorted(kids):
            past = spans.setdefault(kid, [])
            if past and past[-1][1] == self.minute:
                past[-1] = (past[-1][0], until)
            else:
                past.append((self.minute, until))

    def ask(self, key: SigningKey) -> None:
        """One request with a token by this key."""
        raw = self.issuer.token(key=key, sub="alice", jti=f"{self.now}")
        status = 200
        try:
            self.verifier.verify(raw)
        except rightkey.RightkeyError as error:
            status = error.status or 0
        self.record.tokens.append(Token(self.minute, key.kid, status))
        self.settle()

    def settle(self) -> None:
        """Wait for a refresh to be over and its events to be told, so that they fall into this step."""
        deadline = time.monotonic() + 60
        while set(threading.enumerate()) - self.threads:
            assert time.monotonic() < deadline, "a refresh does not end"
            time.sleep(0.001)


def played(story: Callable[[Stage, int], None], minutes: int) -> Record:
    """What a story came to: it is called at each whole minute, and each key that has ever signed is used."""
    random.seed("a timeline")
    used: dict[str, SigningKey] = {}
    now = [NOON]
    with LocalIssuer(algorithm="ES256", cache_control=LIFE, clock=lambda: now[0]) as issuer:
        stage = Stage(issuer)
        for step in range(minutes * 60 // STEP):
            stage.now = float(step * STEP)
            now[0] = NOON + stage.now
            if step * STEP % 60 == 0:
                story(stage, step * STEP // 60)
            used[issuer.current.kid] = issuer.current
            for key in used.values():
                stage.ask(key)
            stage.look()
    return stage.record


def rotation(stage: Stage, minute: int) -> None:
    """The published next key signs; then one without notice; then the first is withdrawn."""
    if minute == 12:
        stage.issuer.rotate()
    if minute == 25:
        stage.issuer.rotate(surprise=True)
    if minute == 35:
        stage.issuer.revoke(stage.record.tokens[0].key)


def outage(stage: Stage, minute: int) -> None:
    """The issuer answers 503 for 80 minutes, and lets another key sign meanwhile."""
    if minute == 15:
        for endpoint in ("discovery", "jwks"):
            stage.issuer.misbehave(endpoint, "status")
        stage.record.down.append(minute)
    if minute == 40:
        stage.issuer.rotate(surprise=True)
    if minute == 95:
        stage.issuer.behave()
        stage.record.down.append(minute)


# -- drawing -----------------------------------------------------------------------------------------------

WIDTH, LEFT, ROW = 760, 150, 46
MORE = """
  .published { fill: var(--edge) } .held { fill: var(--line) } .down { fill: var(--bad); opacity: .35 }
  .s200 { fill: var(--good) } .s401, .s503 { fill: var(--bad) } .s503 { fill: none; stroke: var(--bad) }
  .fetch { stroke: var(--line); stroke-width: 2 } .forced { stroke: var(--good); stroke-width: 2 }
  .failed { stroke: var(--bad); stroke-width: 2 } text { font-size: 13px }
"""
LEGENDS = (
    (
        ("published", "published by the issuer"),
        ("held", "held by the service"),
        ("down", "the issuer is down"),
    ),
    (("s200", "token accepted"), ("s401", "refused, 401"), ("s503", "not judged, 503")),
    (("fetch", "fetched ahead"), ("forced", "fetched for a token"), ("failed", "failed")),
)


class Picture:
    """Of a record: a row for each key, one for requests to the issuer, and the minutes below."""

    def __init__(self, record: Record, minutes: int, title: str, notes: dict[int, str]) -> None:
        self.record, self.minutes, self.title, self.notes = record, minutes, title, notes
        self.keys = list(dict.fromkeys(token.key for token in record.tokens))
        self.top = 44 + 20 * len(notes)

    def x(self, minute: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 24) * min(minute, self.minutes) / self.minutes, 1)

    def __str__(self) -> str:
        bottom = self.top + ROW * (len(self.keys) + 1)
        height = bottom + 104
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
                f'aria-label="{self.title}">',
                f"<style>{STYLE}{MORE}</style>",
                f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="10"/>',
                *self.noted(bottom),
                *self.fetched(self.top + ROW * len(self.keys)),
                *(
                    part
                    for number, key in enumerate(self.keys)
                    for part in self.row(key, self.top + ROW * number)
                ),
                *self.axis(bottom),
                *self.legend(bottom + 42),
                "</svg>\n",
            ]
        )

    def row(self, key: str, y: int) -> Iterator[str]:
        """A key: when it was published and held, and how tokens by it were answered."""
        yield text(24, y + 12, "step", f"key {NAMES[self.keys.index(key)]}")
        for kind, spans, top, height in (
            ("published", self.record.published, y, 8),
            ("held", self.record.held, y + 9, 5),
        ):
            yield from (self.bar(kind, start, end, top, height) for start, end in spans.get(key, []))
        for token in self.record.tokens:
            if token.key == key:
                yield f'<circle class="s{token.status}" cx="{self.x(token.minute)}" cy="{y + 22}" r="2.2"/>'

    def fetched(self, y: int) -> Iterator[str]:
        """Requests to the issuer, and when it was down."""
        yield text(24, y + 12, "step", "key set fetched")
        down = self.record.down
        yield from (self.bar("down", *span, y, 24) for span in zip(down[::2], down[1::2], strict=True))
        for fetch in self.record.fetches:
            kind = "failed" if not fetch.good else "forced" if fetch.forced else "fetch"
            yield f'<path class="{kind}" d="M{self.x(fetch.minute)} {y + 2}v20"/>'

    def bar(self, kind: str, start: float, end: float, y: int, height: int) -> str:
        left, width = self.x(start), round(self.x(end) - self.x(start), 1)
        return f'<rect class="{kind}" x="{left}" y="{y}" width="{width}" height="{height}"/>'

    def noted(self, bottom: int) -> Iterator[str]:
        """What is done at the issuer, each with a line down to the minutes."""
        for number, (minute, note) in enumerate(self.notes.items()):
            y = 28 + 20 * number
            late = minute > self.minutes * 0.6
            yield f'<path class="line" stroke-dasharray="2 3" d="M{self.x(minute)} {y + 8}V{bottom}"/>'
            yield text(round(self.x(minute)), y, "soft", note, anchor="end" if late else "start")

    def axis(self, y: int) -> Iterator[str]:
        yield f'<path class="line" d="M{LEFT} {y}H{WIDTH - 24}"/>'
        for minute in range(0, self.minutes + 1, 10):
            yield text(round(self.x(minute)), y + 14, "soft", str(minute), anchor="middle")
        yield text(24, y + 14, "soft", "minutes")

    def legend(self, y: int) -> Iterator[str]:
        """What each mark means: a row for bars, one for tokens, one for requests to the issuer."""
        for number, row in enumerate(LEGENDS):
            middle = y + 20 * number
            for column, (kind, words) in enumerate(row):
                x = 24 + 220 * column
                if kind.startswith("s"):
                    yield f'<circle class="{kind}" cx="{x + 8}" cy="{middle}" r="4"/>'
                elif number:
                    yield f'<path class="{kind}" d="M{x + 8} {middle - 7}v14"/>'
                else:
                    yield f'<rect class="{kind}" x="{x}" y="{middle - 4}" width="16" height="8"/>'
                yield text(x + 24, middle, "soft", words)


class Scene(NamedTuple):
    story: Callable[[Stage, int], None]
    minutes: int
    title: str
    notes: dict[int, str]


SCENES: dict[str, Scene] = {
    "rotation": Scene(
        rotation,
        50,
        "A rotation: tokens by a new key are accepted at once, whether it was published before or not",
        {
            12: "B signs, which was published before",
            25: "C signs, which was not: one retry finds it",
            35: "A is withdrawn",
        },
    ),
    "outage": Scene(
        outage,
        110,
        "An outage: tokens by the held key are accepted until an hour past its life, then answered 503",
        {15: "the issuer answers 503", 40: "it lets another key sign", 95: "it answers again"},
    ),
}


def drawn(name: str) -> str:
    """Play a scene, and draw it."""
    scene = SCENES[name]
    return str(Picture(played(scene.story, scene.minutes), scene.minutes, scene.title, scene.notes))


if __name__ == "__main__":
    for name in SCENES:
        (DOCS / f"{name}.svg").write_text(drawn(name), encoding="utf-8")

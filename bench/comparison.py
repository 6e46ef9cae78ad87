"""The tables of docs/comparison.md, made of the figures that the benchmarks and the drill saved.

python -m bench.comparison           write them anew
python -m bench.comparison --print   print them
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.report import between_marks

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "comparison.md"
QUESTIONS: dict[str, tuple[str, ...]] = {
    "fifty users come at once, and the issuer is asked ten times at most": ("cold start",),
    "a new key works without notice": ("rotation without notice",),
    "another key under an old `kid` works": ("same kid, other key",),
    "a withdrawn key stops working": ("revocation",),
    "a flood of forged tokens slows no good one": ("slow", "flood"),
    "good tokens pass while the issuer answers 429": ("rate limit",),
    "good tokens pass while the issuer is down or hangs": ("outage", "reset", "hang", "drip"),
    "good tokens pass while the issuer answers nonsense": (
        *("redirect", "HTML page", "truncated", "no keys", "gzip bomb"),
    ),
    "the service starts while the issuer is down": ("outage at the start",),
    "one broken member of a key set harms no other key": (
        *("set: unknown kty", "set: key without e", "set: null member", "set: text member"),
    ),
    "a key for encryption verifies nothing": ("key: for encryption", "key: for encryption, by key_ops"),
    "a key whose private half was published verifies nothing": ("key: private",),
    "a logout token is no access token": ("attack: typ-logout",),
    "a token that never expires is refused": ("claims: no exp",),
}
"""What a reader asks, and the exercises of the drill that answer it."""
ALGORITHMS = ("RS256", "ES256")
KINDS = ("ready", "client", "remembered")
"""How a library is called: with keys at hand, by its own client, and with a token seen before."""


def standards() -> str:
    """What each service did in the rows that a standard demands."""
    rows = []
    for name, card in saved("drill")["figures"].items():
        must, advice = (
            f"{card[kind]['passed']} of {sum(card[kind].values()) - card[kind]['skipped']}"
            for kind in ("must", "advice")
        )
        rows.append((name, version("drill", name), must, advice, "; ".join(not_passed(card)) or "none"))
    return table(("library", "version", "must", "advice", "must, not passed"), rows)


def not_passed(card: Mapping[str, Any]) -> Iterator[str]:
    """The rows that a standard demands and a card lacks; a 5xx lets no token in."""
    for row in card["rows"]:
        if row["kind"] == "must" and row["verdict"] not in ("passed", "skipped"):
            yield f"`{row['name']}`" + (", by a 5xx" if row["verdict"] == "error" else "")


def behaviour() -> str:
    """What each service did where a standard leaves it free."""
    cards = saved("drill")["figures"]
    verdicts = {name: {row["name"]: row["verdict"] for row in card["rows"]} for name, card in cards.items()}
    rows = [
        (question, *(answer([of[name] for name in exercises]) for of in verdicts.values()))
        for question, exercises in QUESTIONS.items()
    ]
    return table(("", *cards), rows)


def answer(verdicts: list[str]) -> str:
    """In a word: a bad token that got a 5xx was refused as well."""
    tested = [verdict for verdict in verdicts if verdict != "skipped"]
    good = sum(verdict in ("passed", "error") for verdict in tested)
    if not tested:
        return "not tested"
    if good == len(tested) and "error" in tested:
        return "yes, by a 5xx"
    return {0: "no", len(tested): "yes"}.get(good, f"{good} of {len(tested)}")


def staying() -> str:
    """What each library's users and issuer saw, in all scenes together."""
    rows = []
    for name, scenes in saved("staying")["figures"].items():
        tallies = scenes.values()
        good, refused, bad, requests = (
            sum(tally[what] for tally in tallies) for what in ("good", "refused", "bad", "requests")
        )
        accepted = sum(len(tally["accepted"]) for tally in tallies)
        wait = max(tally["stall"] for tally in tallies)
        cells = (f"{refused} of {good}", f"{accepted} of {bad}", str(requests), f"{wait:.1f} s")
        rows.append((name, version("staying", name), *cells))
    columns = ("good tokens refused", "bad tokens accepted", "requests to the issuer", "longest wait")
    return table(("library", "version", *columns), rows)


def speed() -> str:
    """A typical token, in the time of the bare signature check of the same run."""
    results = {
        one["alg"]: one for one in saved("verifying")["figures"]["results"] if one["size"] == "typical"
    }
    ratio = {alg: in_bare_checks(results[alg]["microseconds"]) for alg in ALGORITHMS}
    names = {who.rpartition(", ")[0] for named in ratio.values() for who in named} - {""}
    rows = []
    for name in sorted(names):
        found = [ratio[alg].get(f"{name}, {kind}") for alg in ALGORITHMS for kind in KINDS]
        times_bare = ("" if one is None else f"{one:.2f}" for one in found)
        rows.append((name, version("verifying", name), *times_bare))
    rows.sort(key=lambda row: min(float(cell) for cell in row[2:4] if cell))
    return table(("library", "version", *(f"{alg}, {kind}" for alg in ALGORITHMS for kind in KINDS)), rows)


def in_bare_checks(microseconds: Mapping[str, Any]) -> dict[str, float]:
    """Each beside the check that took turns with it: Node's had one of their own."""
    return {name: one["over_bare"] for name, one in microseconds.items()}


TABLES: Mapping[str, Callable[[], str]] = {
    "standards": standards,
    "behaviour": behaviour,
    "staying": staying,
    "speed": speed,
}


@cache
def saved(program: str) -> dict[str, Any]:
    """What a program saved the last time that it ran."""
    found: dict[str, Any] = json.loads((DOCS / "benchmarks" / f"{program}.json").read_text(encoding="utf-8"))
    return found


def version(program: str, name: str) -> str:
    """Of each library that a contender's name is made of."""
    versions = {library.lower(): number for library, number in saved(program)["versions"].items()}
    libraries = name.lower().partition(", ")[0].split(" + ")
    return " + ".join(versions[library] for library in libraries)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown, narrow: a page shows it, and a person who reads the source does not."""
    head = tuple(columns)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    if "--print" in sys.argv:
        print("\n\n".join(made() for made in TABLES.values()))
    else:
        PAGE.write_text(between_marks(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")

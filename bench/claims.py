"""What README and the docs say of speed and size: each claim, the program that makes it, and by how much
another hour may differ. `python -m bench.figures` measures them again, and compares them with what was saved.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parents[1] / "docs"
SAVED = DOCS / "benchmarks" / "figures.json"
Figures = Mapping[str, Any]


class Claim(NamedTuple):
    """A figure of one program.

    `within` is the share of the median by which any hour may differ. `said` are pages and what they say, with
    braces where the median stands.
    """

    what: str
    program: str
    found: Callable[[Figures], float]
    within: float
    shown: str = "{:.2f}"
    said: Mapping[str, str] = {}

    def sentence(self, page: str, medians: Mapping[str, float]) -> str:
        """What a page says."""
        return self.said[page].format(self.shown.format(medians[self.what]))


def typical(figures: Figures, alg: str, name: str, what: str = "over_bare") -> float:
    """Of `bench.verifying`, a typical token."""
    (found,) = (one for one in figures["results"] if (one["alg"], one["size"]) == (alg, "typical"))
    return float(found["microseconds"][name][what])


def whole(alg: str) -> Callable[[Figures], float]:
    return lambda figures: typical(figures, alg, "rightkey, client")


def times(alg: str, theirs: str, ours: str) -> Callable[[Figures], float]:
    return lambda figures: typical(figures, alg, theirs) / typical(figures, alg, ours)


def over(section: str, one: str, other: str) -> Callable[[Figures], float]:
    """One figure in times of another of the same section."""
    return lambda figures: float(figures[section][one] / figures[section][other])


def counted(alg: str, theirs: str, ours: str, *, own: bool = False) -> Callable[[Figures], float]:
    """Of `bench.instructions`, in all or over the bare check."""

    def found(figures: Figures) -> float:
        counts = figures["calls"][alg]
        bare = counts["bare"] if own else 0
        return float((counts[theirs] - bare) / (counts[ours] - bare))

    return found


def refreshing(figures: Figures) -> float:
    ours = figures["refreshing"]["rightkey"]
    return float(ours["refreshing"]["p99.9"] / ours["idle"]["p99.9"])


def cheapest_other(figures: Figures) -> float:
    others = [cost for name, cost in figures["added"].items() if not name.startswith("rightkey")]
    return float(min(others) / figures["added"]["rightkey"])


README, ISSUERS = "README.md", "docs/issuers.md"
CLAIMS = (
    Claim(
        "PyJWT / rightkey, RS256",
        "verify",
        lambda figures: float(figures["pyjwt_over_rightkey"]),
        0.15,
        "{:.1f}",
        {README: "| a token verified, in PyJWT's time (`PyJWKClient` and `decode`) | 1 / {} | | `verify` |"},
    ),
    Claim(
        "PyJWT / a remembered token, RS256",
        "verify",
        lambda figures: float(figures["pyjwt_over_remembered"]),
        0.2,
        "{:.0f}",
        {README: "| a token seen before, in PyJWT's time | 1 / {} | | `verify` |"},
    ),
    Claim("own work / bare, RS256", "verify", lambda figures: float(figures["own_over_bare"]), 0.25),
    Claim(
        "a remembered token / bare, RS256",
        "verify",
        lambda figures: float(figures["remembered_over_bare"]),
        0.15,
        "{:.3f}",
    ),
    Claim(
        "instructions over the bare check, PyJWT / rightkey, RS256",
        "instructions",
        counted("RS256", "PyJWT, client", "rightkey, client", own=True),
        0.03,
        "{:.1f}",
        {README: "| its instructions over the bare check's, in PyJWT's | 1 / {} | | `instructions` |"},
    ),
    Claim(
        "instructions over the bare check, rightkey, RS256",
        "instructions",
        lambda figures: float(
            figures["calls"]["RS256"]["rightkey, client"] - figures["calls"]["RS256"]["bare"]
        ),
        0.03,
        "{:,.0f}",
    ),
    Claim(
        "instructions of a remembered token, RS256",
        "instructions",
        lambda figures: float(figures["calls"]["RS256"]["rightkey, remembered"]),
        0.03,
        "{:,.0f}",
    ),
    Claim(
        "instructions of importing, rightkey / cryptography.x509",
        "instructions",
        over("imports", "rightkey", "cryptography.x509"),
        0.03,
    ),
    Claim(
        "instructions of importing, rightkey ready to use / PyJWT's client",
        "instructions",
        over("imports", "rightkey, ready to use", "PyJWT, ready to use"),
        0.03,
    ),
    *(
        Claim(f"rightkey / bare, {alg}", "verifying", whole(alg), 0.08)
        for alg in ("PS256", "ES256", "EdDSA", "ML-DSA-65")
    ),
    Claim(
        "oxyjwt's client / rightkey's, RS256",
        "verifying",
        times("RS256", "oxyjwt, client", "rightkey, client"),
        0.08,
    ),
    Claim(
        "fast-jwt remembered / rightkey remembered, RS256",
        "verifying",
        times("RS256", "fast-jwt, remembered", "rightkey, remembered"),
        0.4,
        "{:.1f}",
    ),
    Claim(
        "tokens of 5,000 users, remembering 1,024 / none",
        "traffic",
        over("times_none", "rightkey, remembering 1024", "rightkey, remembering 0"),
        0.15,
    ),
    Claim(
        "tokens of 5,000 users, remembering 8,192 / none",
        "traffic",
        over("times_none", "rightkey, remembering 8192", "rightkey, remembering 0"),
        0.25,
    ),
    Claim("awaited / called, warm", "threads", lambda figures: float(figures["awaited_over_called"]), 0.04),
    Claim(
        "p99.9 of a known key's token during a refresh / at rest",
        "locating",
        refreshing,
        0.5,
        said={
            README: "| a known key's token during a refresh that takes 3 s, p99.9 in its time at rest"
            " | {} | | `locating` |"
        },
    ),
    Claim(
        "1,000 callers in threads at a cold start / as many that wait for one future",
        "locating",
        lambda figures: float(figures["cold"]["rightkey"]["many"] / figures["cold"]["threads alone"]["many"]),
        0.25,
    ),
    Claim(
        "1,000 tasks at a cold start / one caller",
        "locating",
        lambda figures: float(
            figures["cold"]["rightkey, tasks"]["many"] / figures["cold"]["rightkey, tasks"]["one"]
        ),
        0.15,
    ),
    Claim(
        "process to first token, CPU, PyJWT told where / rightkey",
        "coldstart",
        over("cpu_milliseconds", "PyJWT, told where", "rightkey"),
        0.15,
    ),
    Claim(
        "process to first token, CPU, with a copy / without",
        "coldstart",
        over("cpu_milliseconds", "rightkey with a copy", "rightkey"),
        0.15,
    ),
    Claim(
        "a token of one of 10,000 issuers / of a single one",
        "issuers",
        lambda figures: float(figures["many_over_one"]),
        0.1,
        said={ISSUERS: "token of one among ten thousand took {} times as long as one of a single issuer"},
    ),
    Claim(
        "an issuer with a fetched key, KiB",
        "issuers",
        lambda figures: figures["bytes_an_issuer_fetched"] / 1024,
        0.05,
        "{:.0f}",
        {ISSUERS: "about {} KiB with a fetched key"},
    ),
    Claim(
        "an issuer with a given key, KiB",
        "issuers",
        lambda figures: figures["bytes_an_issuer"] / 1024,
        0.05,
        "{:.0f}",
        {ISSUERS: "and {} KiB with one that you pass in"},
    ),
    Claim(
        "the FastAPI dependency: the cheapest other adds / rightkey's adds",
        "routes",
        cheapest_other,
        0.35,
        "{:.1f}",
    ),
    Claim(
        "import rightkey / cryptography.x509",
        "size",
        over("import_milliseconds", "rightkey", "cryptography.x509"),
        0.1,
    ),
    Claim(
        "import, ready to use: rightkey / PyJWT's client",
        "size",
        over("import_milliseconds", "rightkey, ready to use", "PyJWT, ready to use"),
        0.15,
    ),
    Claim(
        "65,536 used DPoP proofs in memory, MiB",
        "size",
        lambda figures: 65_536 * figures["bytes"]["a used DPoP proof"] / 2**20,
        0.05,
        "{:.1f}",
        {"docs/dpop.md": "A process remembers 65,536 proofs, in {} MiB"},
    ),
    Claim(
        "rightkey itself, installed, KiB",
        "size",
        lambda figures: figures["installed"]["rightkey"]["own"] / 1024,
        0.02,
        "{:,.0f}",
    ),
)
PROGRAMS = tuple(dict.fromkeys(claim.program for claim in CLAIMS))


def saved() -> list[dict[str, Any]]:
    """Each run that was saved: its hour, its machine, and the value of each claim."""
    return list(json.loads(SAVED.read_text(encoding="utf-8"))) if SAVED.exists() else []


def medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Of each claim, over the hours at which it was measured."""
    values = {claim.what: values_of(runs, claim) for claim in CLAIMS}
    return {what: statistics.median(found) for what, found in values.items() if found}


def values_of(runs: list[dict[str, Any]], claim: Claim) -> list[float]:
    return [run["values"][claim.what] for run in runs if claim.what in run["values"]]


def is_within(claim: Claim, value: float, median: float) -> bool:
    return abs(value - median) <= claim.within * median

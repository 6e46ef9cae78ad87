"""One row of a card: what is expected of a service, who says so, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["must", "advice"]
"""`must`: an RFC says MUST, or a CVE names the flaw. `advice`: good practice that no RFC demands."""
Verdict = Literal["passed", "failed", "error", "ended", "skipped"]

SHOWN: Mapping[Verdict, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "refused by an error",
    "ended": "the service ended",
    "skipped": "not tested",
}
"""Each verdict in words. Nothing was let in where a token was refused by an error, a 5xx or no answer."""
HARM: Mapping[Verdict, int] = {"passed": 0, "skipped": 0, "error": 1, "failed": 2, "ended": 3}
"""How bad each verdict is beside the others."""


@dataclass(frozen=True, slots=True)
class Row:
    """One exercise as it was played.

    Args:
        name: the exercise.
        verdict: what came of it.
        told: what happened, in words.
        kind: whether a standard demands it.
        expected: what the service has to do.
        reference: the RFC with its section, or the CVE.
        why: why it matters.
        remedy: what to do where it failed.
        requests: how often the issuer was asked, for metadata and key sets.
        wait: the longest that a good token by a known key waited, in seconds.
        stopped: after so many seconds a revoked key was accepted no more.
        seconds: how long the exercise took.
    """

    name: str
    verdict: Verdict
    told: str
    kind: Kind = "must"
    expected: str = ""
    reference: str = ""
    why: str = ""
    remedy: str = ""
    requests: int = 0
    wait: float = 0.0
    stopped: float | None = None
    seconds: float = 0.0

    def fails(self, *, strict: bool = False) -> bool:
        """Whether it counts against the service: by `must` alone, or if `strict` by advice and errors too."""
        harm = HARM[self.verdict]
        return harm >= HARM["failed"] if self.kind == "must" and not strict else strict and harm > 0

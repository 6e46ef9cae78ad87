"""What came of a drill: a row for each exercise, as JSON, and as JUnit's XML for those who collect that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True)
class Row:
    """One exercise.

    Args:
        name: which.
        verdict: whether the service did as it must; `skipped` where nobody can tell.
        told: what happened, in words.
        requests: how often the issuer was asked, for metadata and key sets.
        wait: the longest that a good token by a known key waited, in seconds.
        stopped: after so many seconds a revoked key was accepted no more.
    """

    name: str
    verdict: Literal["passed", "failed", "skipped"]
    told: str
    requests: int = 0
    wait: float = 0.0
    stopped: float | None = None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A drill's rows, in the order played."""

    target: str
    rows: Sequence[Row]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Something was played, and nothing failed."""
        return self.count("passed") > 0 and self.count("failed") == 0

    def count(self, verdict: str) -> int:
        """How many rows came out so."""
        return sum(row.verdict == verdict for row in self.rows)

    def document(self) -> dict[str, Any]:
        """The card as JSON; times are in seconds."""
        return {
            "target": self.target,
            "ok": self.passed,
            **{verdict: self.count(verdict) for verdict in ("passed", "failed", "skipped")},
            "seconds": round(self.seconds, 3),
            "rows": [asdict(row) for row in self.rows],
        }

    def junit(self) -> bytes:
        """The card as JUnit's XML: one suite, with a case for each row."""
        suite = ElementTree.Element(
            "testsuite",
            name="rightkey drill",
            tests=str(len(self.rows)),
            failures=str(self.count("failed")),
            skipped=str(self.count("skipped")),
            errors="0",
            time=f"{self.seconds:.3f}",
        )
        for row in self.rows:
            case = ElementTree.SubElement(suite, "testcase", classname="drill", name=row.name)
            if row.verdict == "passed":
                ElementTree.SubElement(case, "system-out").text = row.told
            else:
                element = "failure" if row.verdict == "failed" else "skipped"
                ElementTree.SubElement(case, element, message=row.told)
        written: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
        return written

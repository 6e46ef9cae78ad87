"""What docs/fleet.md and docs/gateway.md say was measured is what was saved.

tests/bench/test_figures.py holds the claims of speed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def figures(program: str) -> dict[str, Any]:
    return dict(json.loads((DOCS / "benchmarks" / f"{program}.json").read_text(encoding="utf-8"))["figures"])


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of all tables of a section, without their heads."""
    section = (
        (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    )
    lines = [line.strip("| ") for line in section.splitlines() if line.startswith("| ")]
    return [re.split(r" *\| *", line) for line in lines]


def told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def test_the_fleets_figures_are_those_that_were_saved() -> None:
    """Requests and waits with each store, distrust, and the tokens that were sent while it failed."""
    found, table = figures("fleet"), rows("fleet.md", "Measured")
    stores = [found[store] for store in ("no store", "a directory", "Redis")]
    for scene in ("cold start", "surprise rotation"):
        cells = [f"{of[scene]['requests']}; {told(of[scene]['p99'])}" for of in stores]
        assert [f"{scene}: requests; p99", *cells] in table
    assert [str(of["flood"]["requests"]) for of in stores] in [row[1:] for row in table]
    distrusted = [f"{max(of['distrust']['seconds']):.2f} s" for of in stores[1:]]
    assert ["distrust: the last token accepted elsewhere", "never ends", *distrusted] in table
    restarts = found["restarts"]
    page = " ".join((DOCS / "fleet.md").read_text(encoding="utf-8").split())
    good = restarts["outcomes"]["ok"]
    assert f"Redis was killed {restarts['kills']} times" in page
    assert f"of {good:,} good tokens none was refused" in page


def test_the_figures_of_hosts_and_of_failing_stores_are_those_that_were_saved() -> None:
    """In the order of the page."""
    hosts, table = figures("fleethosts"), rows("fleet.md", "Measured")
    requests = [hosts["scenes"]["cold start"]["requests"], hosts["scenes"]["surprise rotation"]["requests"]]
    assert ["cold start, surprise rotation, 320 forged key ids: requests"] in [row[:1] for row in table]
    assert ", ".join(map(str, [*requests, hosts["flood"]])) in [row[1] for row in table if len(row) == 2]
    for who in ("others", "cut off"):
        assert f"{max(hosts['distrust'][who]):.2f} s" in [row[1] for row in table if len(row) == 2]
    faults = figures("fleetfaults")["faults"].values()
    sent = [row[1] for row in table if len(row) == 3 and row[1].startswith("none of ")]
    assert sent == [f"none of {fault['outcomes']['ok']:,}" for fault in faults]
    assert all([*fault["outcomes"]] == ["ok"] for fault in faults)


def test_what_the_gateway_costs_is_what_was_saved() -> None:
    """In nginx's CPU, and what a worker holds."""
    found = {
        row[0]: row
        for row in json.loads((DOCS / "benchmarks" / "gateway.json").read_text())["tables"][0]["rows"]
    }
    again, another, middleware = (
        float(found[name][4])
        for name in (
            "rightkey gateway, heads that come again",
            "rightkey gateway, every head another",
            "uvicorn, our middleware",
        )
    )
    page = " ".join((DOCS / "gateway.md").read_text(encoding="utf-8").split())
    assert f"a worker takes about {again:.1f} times the CPU that nginx takes" in page
    assert f"about {another:.1f} times if every request is different" in page
    assert f"our middleware takes {middleware:.1f} times under uvicorn" in page
    assert all(40 <= float(row[6]) <= 45 for name, row in found.items() if name.startswith("rightkey"))

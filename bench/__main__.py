"""Measure: `python -m bench` runs every program here in turn, `python -m bench verifying ...` those named.

    verify      the warm path beside the bare check and PyJWT
    proofs      a DPoP proof beside the bare check of its algorithm
    verifying   all contenders, by algorithm and size of the token
    traffic     many users' tokens, as often as real traffic has them, with and without memory
    threads     several threads, and asyncio
    locating    cold start, rotation, a slow refresh, a thousand keys
    coldstart   a new process to its first token, with a copy of the keys and without
    issuers     ten thousand issuers in one verifier
    hostile     good tokens beside answers without an end
    staying     rotations, floods, outages and forgeries, before every contender
    routes      protected routes of FastAPI and Starlette, beside the same without
    gateway     forward auth, beside nginx's `return 204`
    drill       the same as services, before `rightkey drill`
    fleet       200 processes that share a store, and without one
    fleetfaults the same while the store fails, forgets or lies
    fleethosts  the same on eight hosts, which are network namespaces
    rotations   recorded rotations, played again
    size        import, installed size, dependencies, memory
    instructions  what a token and an import take of the processor, by callgrind

Each takes --json, and --save DIR for JSON, charts as SVG and PNG, and one page of all. Install the contenders
first: `pip install -e '.[cli]' --group bench` (pip 25.1 or newer), and `npm ci --prefix bench/node`.
`python -m bench.figures` compares what the pages claim with what this machine makes of it now.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import takewhile
from pathlib import Path

from bench.report import page

PROGRAMS = (
    "verify",
    "proofs",
    "verifying",
    "traffic",
    "threads",
    "locating",
    "coldstart",
    "staying",
    "drill",
    "routes",
    "gateway",
    "issuers",
    "hostile",
    "fleet",
    "fleetfaults",
    "fleethosts",
    "rotations",
    "size",
    "instructions",
)


def main() -> int:
    names = list(takewhile(lambda word: not word.startswith("-"), sys.argv[1:]))
    options = sys.argv[1 + len(names) :]
    if set(names) - set(PROGRAMS) or {"-h", "--help"} & set(options):
        print(__doc__)
        return 2 if set(names) - set(PROGRAMS) else 0
    codes = [run(name, options) for name in names or PROGRAMS]
    if "--save" in options:
        page(Path(options[options.index("--save") + 1]), PROGRAMS)
    return max(codes)


def run(name: str, options: list[str]) -> int:
    """In a process of its own: what one has loaded must not weigh on the next."""
    if "--json" not in options:
        print(f"# {name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

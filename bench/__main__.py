"""Measure: `python -m bench` runs every program here in turn, `python -m bench verifying ...` one of them.

    verify      the warm path beside the bare check and PyJWT, and what importing costs
    verifying   all contenders, by algorithm and size of the token
    issuers     ten thousand issuers in one verifier
    rotations   recorded rotations, played again

Install the contenders first: `pip install -e '.[cli]' --group bench` (pip 25.1 or newer).
"""

from __future__ import annotations

import subprocess
import sys

PROGRAMS = ("verify", "verifying", "issuers", "rotations")


def main() -> int:
    name, *options = sys.argv[1:] or ("",)
    if name and name not in PROGRAMS:
        print(__doc__)
        return 0 if name in ("-h", "--help") else 2
    codes = [run(one, options) for one in ((name,) if name else PROGRAMS)]
    return max(codes)


def run(name: str, options: list[str]) -> int:
    """In a process of its own: what one has loaded must not weigh on the next."""
    print(f"# {name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

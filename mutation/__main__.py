"""`python -m mutation [jose|jose/pem.py ...]`: exit code 1 where too few mutants are killed."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["jose", "policy", "verdict", "freshness"]
TESTS = ["jose", "policy", "verdict", "freshness", "issuer", "sources", "documents"]
TESTS += ["test_properties.py", "test_requirements.py"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("only", nargs="*", default=FOLDERS, help="folders and files of src/rightkey")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="folders and files of tests")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=10, help="of tests a mutant, at the most")
    parser.add_argument("--every", type=int, default=1, help="only each nth mutant, for a quick look")
    parser.add_argument("--score", type=float, default=95, help="per cent that must be killed")
    asked = parser.parse_args()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        return run(asked, Path(folder))


def run(asked: argparse.Namespace, folder: Path) -> int:
    """Tell of each mutant that survives, and of each folder what was killed."""
    from mutation.mutants import copied

    began = time.monotonic()
    mutants = copied(folder, asked.only)[:: asked.every]
    sys.path.insert(0, str(folder))

    import pytest

    from mutation.session import Session

    session = Session(folder, mutants, asked.workers, asked.seconds)
    words = ["-q", "-m", "not slow", "-p", "no:cacheprovider"]
    pytest.main([*words, *(f"tests/{name}" for name in asked.tests)], plugins=[session])
    if len(session.killed) + len(session.survived) < len(mutants):
        return 2
    everywhere, killed = (Counter(each.module for each in some) for some in (mutants, session.killed))
    for module, number in sorted(everywhere.items()):
        print(told(module.removeprefix("rightkey."), number, killed[module]))
    print(told("all", len(mutants), len(session.killed)), f"in {time.monotonic() - began:.0f} s")
    return int(100 * len(session.killed) < asked.score * len(mutants))


def told(name: str, mutants: int, killed: int) -> str:
    """One line of the table."""
    return f"{name:24}{mutants:6} mutants {killed:6} killed {100 * killed / mutants:7.1f} %"


if __name__ == "__main__":
    sys.exit(main())

"""What `bench.instructions` has counted: each way to verify one token, between two marks.

python -m bench.counting ALG CALLS     names on stdout, in the order of the marks
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable

from bench.contenders import CONTENDERS, Stage, rightkey_remembering
from bench.measure import Batch, calls_of
from bench.verifying import SIZES, bare_check
from rightkey.localissuer import LocalIssuer

EMPTY, BARE, REMEMBERED = "an empty call", "bare", "rightkey, remembered"
WARM = 100
"""Calls before, until the interpreter has fitted its code to what comes."""


def main() -> None:
    alg, calls = sys.argv[1], int(sys.argv[2])
    with LocalIssuer(algorithm=alg, url="https://tenant.example/") as issuer:
        token = issuer.token(sub="auth0|5f7c8ec7c33c6c004bbafe82", **SIZES["typical"])
        batches = entered(Stage.of(issuer, alg), token)
        for batch in batches.values():
            batch(WARM)
    # The issuer has ended: no thread of it is counted, and keys are at hand.
    gc.collect()
    gc.freeze()
    mark()
    for batch in batches.values():
        batch(calls)
        mark()
    print(json.dumps(list(batches)))


def mark() -> None:
    """By a function of the C library that nothing else calls here."""
    os.getppid()


def entered(stage: Stage, token: str) -> dict[str, Batch]:
    """Those that are called and not awaited, and can."""
    batches = {EMPTY: calls_of(lambda: None), BARE: bare_check(stage, token)}
    for contender in CONTENDERS:
        for how, make in (("ready", contender.ready), ("client", contender.client)):
            if make is not None and not contender.awaited:
                add(batches, f"{contender.name}, {how}", lambda make=make: make(stage), token)
    batches[REMEMBERED] = calls_of(rightkey_remembering(stage), token)
    return batches


def add(
    batches: dict[str, Batch], name: str, make: Callable[[], Callable[[str], object]], token: str
) -> None:
    try:
        batch = calls_of(make(), token)
        batch(1)
    except Exception as error:  # noqa: BLE001 - whatever it raises, it is not in the race
        print(f"{name}: {type(error).__name__}", file=sys.stderr)
    else:
        batches[name] = batch


if __name__ == "__main__":
    main()

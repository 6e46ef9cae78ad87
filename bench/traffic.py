"""Traffic: tokens of many users, each as often as real traffic has it (Zipf's law), with and without memory.

    python -m bench.traffic [--users 5000] [--exponent 1.0] [--rounds 20]

The r-th most active of the users sends in proportion to 1 / r^exponent. Every user has one token, RS256, with
the claims of Auth0's. The memory holds 1,024 tokens by default, and 8,192 or none by choice; fast-jwt's cache
is given as many. Node's take turns with one another and with rightkey without memory, beside which all are
told.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from itertools import accumulate

from bench import nodejs
from bench.contenders import Stage, pyjwt_client, rightkey_remembering
from bench.measure import Batch, Spread, calls_of, in_turns, ratio
from bench.report import Chart, Goal, Report, Table, command, versions
from bench.verifying import SIZES
from rightkey.localissuer import LocalIssuer

CALLS = 1000
DRAWN = 100_000
"""Calls until the same order begins again: nearly all users have sent by then."""
REMEMBERED = (1024, 8192)
NONE = "rightkey, remembering 0"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--exponent", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=20)


def measure(options: argparse.Namespace) -> Report:
    order = zipf(options.users, options.exponent)
    with LocalIssuer() as issuer, nodejs.Node() as node:
        tokens = [issuer.token(sub=f"auth0|{user}", **SIZES["typical"]) for user in range(options.users)]
        stage = Stage.of(issuer)
        sent = [tokens[user] for user in order]
        batches = {
            f"rightkey, remembering {most}": calls_of(rightkey_remembering(stage, most), *sent)
            for most in (0, *REMEMBERED)
        }
        batches["PyJWT, client"] = calls_of(pyjwt_client(stage), *sent)
        from_npm = {NONE: batches[NONE]} | entered(node, stage, tokens, order)
        for batch in (batches | from_npm).values():
            batch(DRAWN)  # what can be remembered is
        groups = [in_turns(group, options.rounds, CALLS) for group in (batches, from_npm)]
        times = {name: ratio(taken, samples[NONE]) for samples in groups for name, taken in samples.items()}
        took = {name: Spread.of(taken) for samples in groups[::-1] for name, taken in samples.items()}
        found = versions("rightkey", "cryptography", "PyJWT") | node.versions
    title = f"A token of {options.users:,} users, exponent {options.exponent:g}"
    rows = rows_of(took, times)
    columns = ("who", "median, us", "quartiles, us", "times rightkey without memory")
    figures = {
        "times_none": times,
        "users": options.users,
        "exponent": options.exponent,
        "microseconds": {name: one.microseconds() for name, one in took.items()},
    }
    bars = {row[0]: float(row[1]) for row in rows}
    return Report(
        "traffic",
        figures,
        [Table(title, columns, rows)],
        charts=[Chart("traffic", title, "microseconds a token", bars)],
        goals=goals(times),
        versions=found,
    )


def rows_of(took: dict[str, Spread], times: dict[str, float]) -> list[tuple[str, ...]]:
    """Each in microseconds and in times of rightkey without memory, the quickest first."""
    return [
        (
            name,
            f"{1e6 * one.median:.2f}",
            f"{1e6 * one.low:.2f} to {1e6 * one.high:.2f}",
            f"{times[name]:.2f}",
        )
        for name, one in sorted(took.items(), key=lambda item: item[1].median)
    ]


def entered(node: nodejs.Node, stage: Stage, tokens: Sequence[str], order: list[int]) -> dict[str, Batch]:
    """fast-jwt, with a cache for each count and without."""
    found = {}
    for most in REMEMBERED:
        batches, _ = node.entered(
            stage, *tokens, order=order, remember=most, only=("fast-jwt, ready", "fast-jwt, remembered")
        )
        found |= {name.replace("remembered", f"remembering {most}"): one for name, one in batches.items()}
    return found


def goals(times: Mapping[str, float]) -> list[Goal]:
    """Where the memory has room for a fifth of the users."""
    ours, theirs = (f"{name}, remembering {REMEMBERED[0]}" for name in ("rightkey", "fast-jwt"))
    if theirs not in times:
        return []
    found = times[theirs] / times[ours]
    return [Goal("fast-jwt with its cache / rightkey, tokens by Zipf", "over 1", f"{found:.2f}", found > 1)]


def zipf(users: int, exponent: float) -> list[int]:
    """Who sends, call by call; the same at every run."""
    weights = list(accumulate(1 / (rank + 1) ** exponent for rank in range(users)))
    return random.Random(0).choices(range(users), cum_weights=weights, k=DRAWN)


if __name__ == "__main__":
    command(__doc__, measure, options)

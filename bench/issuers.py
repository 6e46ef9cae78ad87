"""What the number of issuers costs: one verifier of one issuer, and one of ten thousand.

    python -m bench.issuers [--issuers 10000] [--rounds 20]

Tokens are verified warm, by keys at hand and without remembering; contenders take turns. Memory is what
`tracemalloc` counts while issuers are added: keys (one of P-256 each), trust, verifier; and for those whose
keys are fetched, metadata, times, budget and backoff as well.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bench.measure import Spread, calls_of, in_turns, ratio
from bench.report import Report, Table, command, versions
from rightkey import KeySet, Trust, Verifier
from rightkey.exchange import Request, Response
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint

TOKENS = 300
"""Tokens of so many issuers, chosen by chance, are verified in turn."""
CALLS = 300
FETCHED = 1000
"""Issuers whose keys are fetched, each by a thread of its own."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--issuers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)


def measure(options: argparse.Namespace) -> Report:
    key = SigningKey.generate("ES256", Form(certificates=False), kid="k")
    jwks = json.dumps({"keys": [key.public_jwk()]})
    many, bytes_each = weighed(
        lambda: Verifier.of(*(trust(number, jwks) for number in range(options.issuers)), remember=0),
        options.issuers,
    )
    few = min(options.issuers, FETCHED)
    _, bytes_fetched = weighed(lambda: fetched(few, jwks), few)
    one = Verifier.of(trust(0, jwks), remember=0)
    chosen = random.Random(0).sample(range(options.issuers), min(TOKENS, options.issuers))
    samples = in_turns(
        {
            "one issuer": calls_of(one.verify, *tokens([0] * len(chosen), key)),
            "many issuers": calls_of(many.verify, *tokens(chosen, key)),
        },
        options.rounds,
        CALLS,
    )
    took = {name: Spread.of(times) for name, times in samples.items()}
    times = ratio(samples["many issuers"], samples["one issuer"])
    rows = [(f"{name}, a token", f"{1e6 * one.median:.2f} us") for name, one in took.items()]
    rows.append((f"{options.issuers:,} issuers / one", f"{times:.2f}"))
    rows.append(("memory an issuer", f"{bytes_each / 1024:.1f} KiB"))
    rows.append(("and where keys are fetched", f"{bytes_fetched / 1024:.1f} KiB"))
    figures = {
        "issuers": options.issuers,
        "microseconds": {name: one.microseconds() for name, one in took.items()},
        "many_over_one": times,
        "bytes_an_issuer": bytes_each,
        "bytes_an_issuer_fetched": bytes_fetched,
    }
    table = Table("Issuers in one verifier, ES256", ("what", "median"), rows)
    return Report("issuers", figures, [table], versions=versions("rightkey", "cryptography"))


def weighed(build: Callable[[], Any], count: int) -> tuple[Any, float]:
    """What is built, and its bytes for each of so many."""
    tracemalloc.start()
    built = build()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return built, size / count


def fetched(count: int, jwks: str) -> Any:
    """A verifier whose issuers have all been asked."""
    trusts = (Trust(f"https://{number}.example", audience="api") for number in range(count))
    verifier = Verifier.of(*trusts, remember=0, transport=Published(jwks), elapsed=lambda: 0.0)
    verifier.prepare()
    return verifier


class Published:
    """A transport to issuers that all publish the same keys."""

    def __init__(self, jwks: str) -> None:
        self._jwks = jwks.encode()

    def get(self, request: Request, /) -> Response:
        if request.url.endswith("/keys"):
            return Response(200, {}, self._jwks)
        issuer = request.url.partition("/.well-known")[0]
        return Response(200, {}, json.dumps({"issuer": issuer, "jwks_uri": issuer + "/keys"}).encode())


def trust(number: int, jwks: str) -> Trust:
    return Trust(f"https://{number}.example", audience="api", keys=KeySet.parse(jwks))


def tokens(numbers: list[int], key: SigningKey) -> list[str]:
    """One of each issuer."""
    claims = {"aud": "api", "exp": time.time() + 3600, "sub": "alice"}
    return [mint(key, claims | {"iss": f"https://{number}.example"}) for number in numbers]


if __name__ == "__main__":
    command(__doc__, measure, options)

"""Verifying: what a token costs by each contender, as a ratio to the bare signature check of `cryptography`.

    python -m bench.verifying [--alg RS256 ...] [--size small typical large] [--rounds 20] [--json]

Contenders take turns in one run. Each does its whole job: signature, issuer, audience and times. "Ready" has
the key at hand; "client" has the keys found and cached by the contender's own means, as a service does;
"remembered" is rightkey's memory of tokens seen before, which no other here has. A contender that refuses an
honest token, or does not know the algorithm, is left out by name.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

from bench.contenders import CONTENDERS, Stage, Verify, rightkey_remembering
from bench.verify import timed
from rightkey import Verifier
from rightkey.localissuer import LocalIssuer
from rightkey.signature import read

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "ML-DSA-65")
SIZES: dict[str, dict[str, Any]] = {
    "small": {},
    "typical": {
        "azp": "mQ7lUv6nW3Jq0sGJdSlmSZPkJvyKcSBN",
        "scope": "openid profile email read:appointments write:appointments",
        "gty": "password",
        "permissions": ["read:appointments", "write:appointments"],
    },
    "large": {"groups": [f"group-{number:04}-of-the-directory" for number in range(150)]},
}
"""What a token claims besides the registered claims."""
CALLS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--alg", nargs="*", choices=ALGORITHMS, default=ALGORITHMS)
    parser.add_argument("--size", nargs="*", choices=SIZES, default=["typical"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [measured(alg, size, options.rounds) for alg in options.alg for size in options.size]
    print(json.dumps(results, indent=2) if options.json else "\n\n".join(map(table, results)))


def measured(alg: str, size: str, rounds: int) -> dict[str, Any]:
    """One algorithm and one size, by all who can."""
    with LocalIssuer(algorithm=alg) as issuer:
        token = issuer.token(sub="auth0|5f7c8ec7c33c6c004bbafe82", **SIZES[size])
        keys = {"keys": [issuer.current.public_jwk()]}
        ways, left_out = entered(Stage(issuer, alg, keys), token)
        samples = in_turns(
            {name: (lambda verify=verify: verify(token)) for name, verify in ways.items()}, rounds
        )
    bare = statistics.median(samples["bare"])
    return {
        "alg": alg,
        "size": size,
        "bytes": len(token),
        "left_out": left_out,
        "versions": versions(),
        "microseconds": {name: summary(times, bare) for name, times in samples.items()},
    }


def entered(stage: Stage, token: str) -> tuple[dict[str, Verify], list[str]]:
    """The ways to verify, and the names of those that cannot."""
    ways: dict[str, Verify] = {"bare": bare(stage, token)}
    left_out = []
    for contender in CONTENDERS:
        for how, make in (("ready", contender.ready), ("client", contender.client)):
            if make is None:
                continue
            try:
                verify = make(stage)
                verify(token)
            except Exception as error:  # noqa: BLE001 - whatever it raises, it is not in the race
                left_out.append(f"{contender.name}, {how}: {type(error).__name__}")
            else:
                ways[f"{contender.name}, {how}"] = verify
    ways["rightkey, remembered"] = rightkey_remembering(stage)
    return ways, left_out


def bare(stage: Stage, token: str) -> Verify:
    """The signature check alone, by `cryptography`: the physical limit."""
    key = Verifier(stage.url, audience=stage.issuer.audience).verify(token).key
    unverified, check = read(token), key.checks[stage.alg]
    return lambda _: check(unverified.signature, unverified.signed)


def in_turns(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """A short round each, again and again; the first warms up."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            seconds = timed(call, CALLS)
            if turn:
                samples[name].append(seconds)
    return samples


def summary(times: list[float], bare: float) -> dict[str, float]:
    low, middle, high = statistics.quantiles(times, n=4)
    return {"median": 1e6 * middle, "low": 1e6 * low, "high": 1e6 * high, "over_bare": middle / bare}


def versions() -> dict[str, str]:
    names = ("cryptography", "PyJWT", "oxyjwt", "joserfc", "Authlib", "jwcrypto", "python-jose", "rightkey")
    return {name: metadata.version(name) for name in names}


def table(result: dict[str, Any]) -> str:
    return "\n".join(lines(result))


def lines(result: dict[str, Any]) -> Iterator[str]:
    yield f"{result['alg']}, {result['size']}: {result['bytes']:,} bytes"
    for name, took in sorted(result["microseconds"].items(), key=lambda item: float(item[1]["median"])):
        spread = f"{took['low']:.1f} to {took['high']:.1f}"
        yield f"  {name:24}{took['median']:9.2f} us {spread:>20}   {took['over_bare']:6.2f} x bare"
    if result["left_out"]:
        yield f"  not in it: {'; '.join(result['left_out'])}"


if __name__ == "__main__":
    main()

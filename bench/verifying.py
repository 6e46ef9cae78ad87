"""Verifying: what a token costs by each contender, as a ratio to the bare signature check of `cryptography`.

    python -m bench.verifying [--alg RS256 ...] [--size small typical large] [--rounds 20]

Each contender does its whole job: signature, issuer, audience and times. "Ready" has the key at hand;
"client" has the keys found and cached by the contender's own means, as a service does; "remembered" is a
memory of tokens seen before, of those that have one. npm's run in a Node process of their own, on the same
tokens: in turns with one another and with the bare check, since two processes that take turns find their
caches cold. A contender that refuses an honest token, or does not know the algorithm, is left out by name.

jwtoxide and webtoken do less than the others: they fetch no keys, and look at neither `crit` nor `typ`.
jwtoxide takes an `nbf` that is no number, webtoken an `exp`. On Python 3.11 webtoken is 0.5: 0.6 needs 3.12.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench import nodejs
from bench.contenders import CONTENDERS, PACKAGES, Stage, rightkey_remembering
from bench.measure import Batch, Spread, awaits_of, calls_of, difference, in_turns, ratio
from bench.report import Chart, Goal, Report, Table, command, versions
from rightkey import KeySet
from rightkey.jose.jws import read
from rightkey.localissuer import LocalIssuer

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
MOST_OWN = {"RS256": 0.35, "PS256": 0.45, "ES256": 0.18, "EdDSA": 0.12, "ML-DSA-65": 0.055}
"""What a verification may take over the bare check, in bare checks: 6 to 8 us on a machine that is quiet."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alg", nargs="*", choices=ALGORITHMS, default=ALGORITHMS)
    parser.add_argument("--size", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=20)


def measure(options: argparse.Namespace) -> Report:
    report = Report("verifying", {}, [], versions=versions(*PACKAGES))
    results = []
    with nodejs.Node() as node, asyncio.Runner() as runner:
        report.versions = {**report.versions, **node.versions}
        for alg in options.alg:
            of_alg = [measured(alg, size, options.rounds, node, runner) for size in options.size]
            tell(of_alg, report)
            results += of_alg
    report.figures = {"results": results}
    return report


def measured(alg: str, size: str, rounds: int, node: nodejs.Node, runner: asyncio.Runner) -> dict[str, Any]:
    """One algorithm and one size, by all who can."""
    # Some take no other issuer than one of https.
    with LocalIssuer(algorithm=alg, url="https://tenant.example/") as issuer:
        token = issuer.token(sub="auth0|5f7c8ec7c33c6c004bbafe82", **SIZES[size])
        stage = Stage.of(issuer, alg)
        batches, left_out = entered(stage, token, runner)
        from_npm, not_from_npm = node.entered(stage, token)
        groups = [batches, {"bare": batches["bare"]} | from_npm]
        played = [in_turns(group, rounds, CALLS) for group in groups if len(group) > 1]
    return {
        "alg": alg,
        "size": size,
        "bytes": len(token),
        "left_out": left_out + not_from_npm,
        "microseconds": {
            name: Spread.of(times).microseconds()
            | {
                "own": 1e6 * difference(times, samples["bare"]),
                "over_bare": ratio(times, samples["bare"]),
            }
            for samples in reversed(played)  # the bare check's own times are those beside Python's
            for name, times in samples.items()
        },
    }


def entered(stage: Stage, token: str, runner: asyncio.Runner) -> tuple[dict[str, Batch], list[str]]:
    """The ways to verify, and the names of those that cannot."""
    batches = {"bare": bare_check(stage, token)}
    left_out = []
    for contender in CONTENDERS:
        for how, make in (("ready", contender.ready), ("client", contender.client)):
            if make is None:
                continue
            try:
                verify = make(stage)
                batch = awaits_of(verify, token, runner) if contender.awaited else calls_of(verify, token)
                batch(1)
            except Exception as error:  # noqa: BLE001 - whatever it raises, it is not in the race
                left_out.append(f"{contender.name}, {how} ({type(error).__name__})")
            else:
                batches[f"{contender.name}, {how}"] = batch
    batches["rightkey, remembered"] = calls_of(rightkey_remembering(stage), token)
    return batches, left_out


def bare_check(stage: Stage, token: str) -> Batch:
    """The signature check alone, by `cryptography`, all else made ready before: the physical limit."""
    return bare_check_of(stage.jwks, stage.alg, token)


def bare_check_of(jwks: Mapping[str, Any], alg: str, token: str) -> Batch:
    """The same, by a JWK or a key set of one key."""
    (key,) = KeySet.parse(dict(jwks))
    unverified, verify = read(token), key.public_key.verify
    signature, signed = unverified.signature, unverified.signed
    sha256 = hashes.SHA256()
    if alg.startswith("ES"):
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        der, scheme = encode_dss_signature(r, s), ec.ECDSA(sha256)
        return calls_of(lambda: verify(der, signed, scheme))
    if key.kty == "RSA":
        pss = padding.PSS(padding.MGF1(sha256), sha256.digest_size)
        pad = pss if alg.startswith("PS") else padding.PKCS1v15()
        return calls_of(lambda: verify(signature, signed, pad, sha256))
    return calls_of(lambda: verify(signature, signed))


def tell(results: list[dict[str, Any]], report: Report) -> None:
    """One algorithm's results as a table, each size beside the others; a chart; and the goals it reaches."""
    by_size = {result["size"]: result for result in results}
    chosen = by_size.get("typical", results[0])
    alg, took = chosen["alg"], {who: one["median"] for who, one in chosen["microseconds"].items()}
    took = dict(sorted(took.items(), key=lambda item: float(item[1])))
    columns = ["who"]
    for size, result in by_size.items():
        columns += [f"{size}, {result['bytes']:,} bytes, us", "times bare"]
    rows = [
        (who, *(cell for result in results for cell in cells(result["microseconds"].get(who))))
        for who in took
    ]
    report.tables.append(Table(f"{alg}: medians and quartiles", tuple(columns), rows))
    if left_out := dict.fromkeys(name for result in results for name in result["left_out"]):
        report.notes.append(f"{alg}: not in it: {', '.join(left_out)}.")
    title = f"{alg}, {chosen['size']}: {chosen['bytes']:,} bytes"
    name = f"verifying-{alg.lower()}-{chosen['size']}"
    report.charts.append(Chart(name, title, "microseconds a token", took))
    if chosen["size"] == "typical":
        report.goals.extend(goals(alg, chosen["microseconds"]))


def cells(one: dict[str, float] | None) -> tuple[str, str]:
    if one is None:
        return "", ""
    return f"{one['median']:.2f} ({one['low']:.2f} to {one['high']:.2f})", f"{one['over_bare']:.2f}"


def goals(alg: str, took: dict[str, dict[str, float]]) -> list[Goal]:
    most, own = MOST_OWN[alg], took["rightkey, client"]["own"]
    share = own / took["bare"]["median"]
    told = f"{share:.3f} ({own:.1f} us)"
    found = [Goal(f"own work / bare, {alg}", f"at most {most}", told, share <= most)]
    if alg != "RS256":
        return found
    for theirs, ours, goal in (
        ("oxyjwt, client", "rightkey, client", "at least 1"),
        ("oxyjwt, client", "rightkey, AWS-LC, client", "at least 1"),
        ("fast-jwt, remembered", "rightkey, remembered", "over 1"),
    ):
        if {theirs, ours} <= took.keys():
            times = took[theirs]["over_bare"] / took[ours]["over_bare"]
            found.append(Goal(f"{theirs} / {ours}, RS256", goal, f"{times:.2f}", times >= 1))
    return found


if __name__ == "__main__":
    command(__doc__, measure, options)

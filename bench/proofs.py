"""What a DPoP proof costs above its token, beside the bare signature check of its algorithm.

    python -m bench.proofs [--alg ES256 ...] [--rounds 200]

The token is remembered, as a client's is from its second request on; each call brings another proof, which
is judged whole and recorded as used. "The token" is the same one, taken by possession alone. "Bare" is the
check of one proof's signature by `cryptography`, all else made ready before: the physical limit.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.measure import Batch, Spread, calls_of, difference, in_turns, ratio
from bench.report import Goal, Report, Table, command, versions
from bench.verifying import bare_check_of
from rightkey import Presented, Verifier
from rightkey.localissuer import LocalIssuer, Sender

ALGORITHMS = ("ES256", "RS256", "PS256", "Ed25519", "ML-DSA-65")
CALLS = 5
"""A round: so few that another process seldom takes the processor in the middle of one."""
ORIGIN, PATH = "https://api.example.com", "/appointments/42"
MOST = 1.5
"""How many bare checks a proof may cost above its token."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alg", nargs="*", choices=ALGORITHMS, default=ALGORITHMS)
    parser.add_argument("--rounds", type=int, default=200)


def measure(options: argparse.Namespace) -> Report:
    with LocalIssuer(algorithm="ES256") as issuer:
        results = {alg: measured(issuer, alg, options.rounds) for alg in options.alg}
    rows = [
        (alg, *(f"{one[name]['median']:.1f}" for name in NAMES), f"{one['above']:.1f}", f"{one['times']:.2f}")
        for alg, one in results.items()
    ]
    heads = ("proofs by", *(f"{name}, us" for name in NAMES), "a proof above the token, us", "times bare")
    goals = [
        Goal(f"a proof by {alg}", f"at most {MOST} bare checks", f"{one['times']:.2f}", one["times"] <= MOST)
        for alg, one in results.items()
    ]
    table = Table("One request, its token remembered: medians", heads, rows)
    told = versions("rightkey", "cryptography")
    return Report("proofs", {"results": results}, [table], goals=goals, versions=told)


BARE, TOKEN, PROOF = NAMES = ("bare", "the token", "with a proof")


def measured(issuer: LocalIssuer, alg: str, rounds: int) -> dict[str, Any]:
    """One algorithm of proofs."""
    samples = in_turns(batches(issuer, Sender(alg), CALLS * (rounds + 1)), rounds, CALLS)
    took = {name: Spread.of(times).microseconds() for name, times in samples.items()}
    above = [proof - token for proof, token in zip(samples[PROOF], samples[TOKEN], strict=True)]
    return took | {
        "above": 1e6 * difference(samples[PROOF], samples[TOKEN]),
        "times": ratio(above, samples[BARE]),
    }


def batches(issuer: LocalIssuer, sender: Sender, calls: int) -> dict[str, Batch]:
    """The bare check, the token alone, and the token with a proof of its own at each call."""
    token = issuer.token(sub="auth0|5f7c8ec7c33c6c004bbafe82", cnf=sender.cnf, scope="read:appointments")
    how: dict[str, Any] = {"audience": issuer.audience, "origin": ORIGIN}
    bearer, checked = Verifier(issuer.url, sender="bearer", **how), Verifier(issuer.url, **how)
    proofs = [sender.proof("GET", ORIGIN + PATH, token) for _ in range(calls)]

    def with_proof(proof: str) -> Any:
        return checked.verify(token, presented=Presented("DPoP", "GET", PATH, (proof,)))

    with_proof(sender.proof("GET", ORIGIN + PATH, token))
    return {
        BARE: bare_check_of(sender.jwk, sender.key.algorithm, proofs[0]),
        TOKEN: calls_of(bearer.verify, token),
        PROOF: calls_of(with_proof, *proofs),
    }


if __name__ == "__main__":
    command(__doc__, measure, options)

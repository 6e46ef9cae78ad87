"""What a warm verification costs, beside the bare signature check and beside PyJWT.

    python -m bench.verify [--rounds 40]

RS256 with 2048 bits and an access token as Auth0 issues them, over a local issuer. "Own work" is what a
whole verification takes over the bare check of the signature by `cryptography`, which is the physical
limit. One "but for the check", whose signature is not looked at, takes less than that: in one loop the check
and the rest throw each other out of the processor's caches. Of a remembered token "its text anew" is it as
the next request brings it: a copy, whose hash is not cached.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from bench.measure import Spread, calls_of, difference, in_turns, ratio
from bench.report import Goal, Report, Table, command, versions
from rightkey import Freshness, Verifier
from rightkey.jose.jws import read
from rightkey.localissuer import LocalIssuer

CALLS = 300
"""Calls a round."""
MOST_OWN, MOST_REMEMBERED = 0.35, 0.1
"""In bare checks: what a verification may take over one, and a remembered token in all."""
REMEMBERED = "rightkey, remembered"


def measure(options: argparse.Namespace) -> Report:
    with LocalIssuer() as issuer:
        batches = {name: calls_of(call) for name, call in contenders(issuer).items()}
        samples = in_turns(batches, options.rounds, CALLS)
    took = {name: Spread.of(times) for name, times in samples.items()}
    own = {name: difference(samples[name], samples["bare"]) for name in ("rightkey", "PyJWT")}
    faster = ratio(samples["PyJWT"], samples["rightkey"])
    much_faster = ratio(samples["PyJWT"], samples[REMEMBERED])
    own_share = own["rightkey"] / took["bare"].median
    remembered = ratio(samples[REMEMBERED], samples["bare"])
    figures = {
        "microseconds": {name: spread.microseconds() for name, spread in took.items()},
        "own_microseconds": {name: 1e6 * seconds for name, seconds in own.items()},
        "own_over_bare": own_share,
        "own_over_pyjwt": own["rightkey"] / own["PyJWT"],
        "remembered_over_bare": remembered,
        "pyjwt_over_rightkey": faster,
        "pyjwt_over_remembered": much_faster,
    }
    told = f"{own_share:.2f} ({1e6 * own['rightkey']:.1f} us, where PyJWT's is {1e6 * own['PyJWT']:.0f})"
    token = f"{remembered:.3f} ({1e6 * took[REMEMBERED].median:.2f} us)"
    goals = [
        Goal("own work / bare, RS256", f"at most {MOST_OWN}", told, own_share <= MOST_OWN),
        Goal("PyJWT / rightkey", "at least 3.5", f"{faster:.2f}", faster >= 3.5),
        Goal("a remembered token / bare", f"at most {MOST_REMEMBERED}", token, remembered <= MOST_REMEMBERED),
        Goal("PyJWT / a remembered token", "at least 50", f"{much_faster:.0f}", much_faster >= 50),
    ]
    rows = [
        (name, f"{1e6 * one.median:.2f}", f"{1e6 * one.low:.2f} to {1e6 * one.high:.2f}")
        for name, one in took.items()
    ]
    table = Table("One token, warm", ("who", "median, us", "quartiles, us"), rows)
    return Report(
        "verify", figures, [table], goals=goals, versions=versions("rightkey", "cryptography", "PyJWT")
    )


def contenders(issuer: LocalIssuer) -> dict[str, Callable[[], Any]]:
    """Each does its whole job on one token, with the keys at hand."""
    token = issuer.token(
        sub="auth0|5f7c8ec7c33c6c004bbafe82",
        azp="mQ7lUv6nW3Jq0sGJdSlmSZPkJvyKcSBN",
        scope="openid profile email read:appointments write:appointments",
        gty="password",
        permissions=["read:appointments", "write:appointments"],
    )
    unverified = read(token)
    fresh = Verifier(issuer.url, audience=issuer.audience, remember=0)
    remembering = Verifier(issuer.url, audience=issuer.audience)
    key = fresh.verify(token).key.public_key
    remembering.verify(token)
    unchecking = Verifier(issuer.url, audience=issuer.audience, remember=0, freshness=Freshness(wait=5.0))
    checks = {"RS256": lambda signature, signed: None}
    object.__setattr__(unchecking.verify(token).key, "checks", checks)  # of keys of its own
    client = jwt.PyJWKClient(issuer.url + ".well-known/jwks.json")
    sha256, pkcs1 = hashes.SHA256(), padding.PKCS1v15()

    def pyjwt() -> Any:
        signing_key = client.get_signing_key_from_jwt(token)
        return jwt.decode(
            token, signing_key, algorithms=["RS256"], audience=issuer.audience, issuer=issuer.url
        )

    return {
        "bare": lambda: key.verify(unverified.signature, unverified.signed, pkcs1, sha256),
        "rightkey": lambda: fresh.verify(token),
        "rightkey, but for the check": lambda: unchecking.verify(token),
        REMEMBERED: lambda: remembering.verify(token),
        "rightkey, remembered, its text anew": lambda: remembering.verify(token[:1] + token[1:]),
        "PyJWT": pyjwt,
    }


if __name__ == "__main__":
    command(__doc__, measure, lambda parser: parser.add_argument("--rounds", type=int, default=40))

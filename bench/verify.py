"""What a warm verification costs, beside the bare signature check and beside PyJWT, all in one run.

    python -m bench.verify [--rounds 40] [--json]

RS256 with 2048 bits and an access token as Auth0 issues them, over a local issuer. Contenders take turns,
a short round each, so that a noisy machine slows all of them alike; medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from rightkey import Verifier
from rightkey.localissuer import LocalIssuer
from rightkey.signature import read

CALLS = 300
"""Calls a round."""
OURS, THEIRS = "from rightkey import Verifier", "import cryptography.x509"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with LocalIssuer() as issuer:
        calls = in_turns(contenders(issuer), options.rounds)
    imports = in_turns({code: importing(code) for code in (OURS, THEIRS)}, 11, calls=1)
    result = {
        "machine": f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}",
        "microseconds": {name: 1e6 * seconds for name, seconds in calls.items()},
        "import_milliseconds": {name: 1e3 * seconds for name, seconds in imports.items()},
        "own_microseconds": 1e6 * (calls["rightkey"] - calls["bare"]),
        "pyjwt_over_rightkey": calls["PyJWT"] / calls["rightkey"],
        "import_over_cryptography": imports[OURS] / imports[THEIRS],
    }
    print(json.dumps(result, indent=2) if options.json else table(result))


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
        "rightkey, remembered": lambda: remembering.verify(token),
        "PyJWT": pyjwt,
    }


def importing(code: str) -> Callable[[], Any]:
    """In a process of its own, from compiled files as a service has them, whatever the shell says."""
    command = [sys.executable, "-c", code]
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, check=True, env=settings)


def in_turns(
    contenders: Mapping[str, Callable[[], Any]], rounds: int, calls: int = CALLS
) -> dict[str, float]:
    """Median seconds a call of each, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, call in contenders.items():
            seconds = timed(call, calls)
            if turn:  # the first warms up
                times[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def timed(call: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def table(result: Mapping[str, Any]) -> str:
    rows = [f"{name:32} {value:8.2f} us" for name, value in result["microseconds"].items()]
    rows += [f"{name:32} {value:8.1f} ms" for name, value in result["import_milliseconds"].items()]
    return "\n".join(
        [
            result["machine"],
            *rows,
            f"own work over the bare check      {result['own_microseconds']:8.2f} us",
            f"PyJWT / rightkey                  {result['pyjwt_over_rightkey']:8.2f}",
            f"import / cryptography.x509        {result['import_over_cryptography']:8.2f}",
        ]
    )


if __name__ == "__main__":
    main()

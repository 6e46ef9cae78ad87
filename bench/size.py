"""Size: what importing costs, what is installed, and what a token, a key and an issuer weigh in memory.

    python -m bench.size [--rounds 11]

Imports run in processes of their own, from compiled files; their time is what they had of the processors.
"Ready to use" has a verifier, or a client of keys, too: what the first token would load is loaded then.
Installed are a distribution's files without compiled ones, and with it whatever it requires here; rightkey's
are those of a wheel that is built for it. Memory is what `tracemalloc` counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from bench.contenders import PACKAGES
from bench.issuers import fetched, trust, weighed
from bench.measure import Spread, in_turns, process_of, ratio
from bench.report import Chart, Goal, Report, Table, command, versions
from rightkey import KeySet, Verifier
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint
from rightkey.proof.replays import MAX_USED, Replays, used

ROOT = Path(__file__).parents[1]
LIMIT, CLICK = "cryptography.x509", "click"
OURS, HELP = "rightkey", "rightkey --help"
READY, READY_PYJWT = "rightkey, ready to use", "PyJWT, ready to use"
PYTEST, PLUGIN = "pytest", "pytest, with rightkey's plugin"
QUIETLY = "import warnings; warnings.simplefilter('ignore')"
IMPORTS = {
    LIMIT: "import cryptography.x509",
    OURS: "from rightkey import Verifier",
    READY: "from rightkey import Verifier; Verifier('tenant.eu.auth0.com', audience='api')",
    READY_PYJWT: "import jwt; jwt.PyJWKClient('https://tenant.eu.auth0.com/.well-known/jwks.json')",
    "PyJWT": "import jwt; jwt.PyJWKClient, jwt.decode",
    "oxyjwt": "import oxyjwt; oxyjwt.PyJWKClient, oxyjwt.decode",
    "jwtoxide": "import jwtoxide",
    "webtoken": "import webtoken",
    "joserfc": "from joserfc import jwk, jwt",
    "Authlib": f"{QUIETLY}; from authlib.jose import JsonWebToken",
    "jwcrypto": "from jwcrypto import jwk, jwt",
    "python-jose": "from jose import jwt",
    "auth0-api-python": f"{QUIETLY}; from auth0_api_python import ApiClient",
    "FastMCP": "from fastmcp.server.auth.providers.jwt import JWTVerifier",
    CLICK: "import click",
    PYTEST: "import pytest",
    PLUGIN: "import pytest, rightkey.pytest_plugin",
}
APART = (CLICK, HELP, PYTEST, PLUGIN)
"""What no other library is measured beside."""
EXTRAS = {"PyJWT": "crypto", "python-jose": "cryptography"}
"""Without which they verify no RS256."""
USED = "a used DPoP proof"
ISSUERS = KEYS = REMEMBERED = 1000


def measure(options: argparse.Namespace) -> Report:
    imports, goals = imported(options.rounds)
    sizes = {name: installed(name) for name in PACKAGES if versions(name)}
    memory = weights()
    tables = [
        Table(
            "Importing",
            ("what", "median, ms", "quartiles, ms"),
            [
                (name, f"{1e3 * one.median:.0f}", f"{1e3 * one.low:.0f} to {1e3 * one.high:.0f}")
                for name, one in imports.items()
            ],
        ),
        Table(
            "Installed",
            ("what", "itself, KiB", "with all it requires, KiB", "distributions"),
            [
                (name, f"{one['own'] / 1024:,.0f}", f"{one['all'] / 1024:,.0f}", str(one["distributions"]))
                for name, one in sizes.items()
            ],
        ),
        Table("Memory", ("what", "bytes"), [(name, f"{value:,.0f}") for name, value in memory.items()]),
    ]
    bars = {name: 1e3 * one.median for name, one in imports.items() if name not in APART}
    figures = {
        "import_milliseconds": {name: 1e3 * one.median for name, one in imports.items()},
        "installed": sizes,
        "bytes": memory,
    }
    charts = [Chart("size-import", "Importing, in a process of its own", "milliseconds", bars)]
    return Report("size", figures, tables, charts, goals, versions=versions(*PACKAGES))


def imported(rounds: int) -> tuple[dict[str, Spread], list[Goal]]:
    batches = {name: process_of("-c", code) for name, code in IMPORTS.items()}
    batches[HELP] = process_of("-m", "rightkey", "--help")
    samples = in_turns(batches, rounds, 1)
    took = {name: Spread.of(times) for name, times in samples.items()}
    goals = []
    # pytest takes 200 ms to import: a twentieth of it is 10 ms, for tests that use nothing of the plugin
    for what, beside, most in ((OURS, LIMIT, 1.2), (HELP, CLICK, 1.5), (PLUGIN, PYTEST, 1.05)):
        times = ratio(samples[what], samples[beside])
        words = f"{'' if what == HELP else 'import '}{what} / import {beside}"
        goals.append(Goal(words, f"at most {most}", f"{times:.2f}", times <= most))
    return took, goals


def installed(name: str) -> dict[str, int]:
    """Bytes of a distribution and of all that it requires, and how many those are."""
    everything = set(required(name, set(), EXTRAS.get(name, "")))
    weight = {one: wheel() if one == OURS else weight_of(one) for one in everything}
    return {
        "own": weight[canonical(name)],
        "all": sum(weight.values()),
        "distributions": len(everything),
    }


def required(name: str, seen: set[str], extra: str = "") -> Iterator[str]:
    """The names of a distribution and of what it requires, without those that are not here."""
    if (name := canonical(name)) not in seen and versions(name):
        seen.add(name)
        yield name
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": one}) for one in ("", extra)
            ):
                extras = sorted(requirement.extras) or [""]
                for one in extras:
                    yield from required(requirement.name, seen, one)


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def wheel() -> int:
    """Bytes of what our wheel installs: here, an installation may be one of links to the sources."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (built,) = Path(folder).iterdir()
        with zipfile.ZipFile(built) as archive:
            return sum(member.file_size for member in archive.infolist())


def weight_of(name: str) -> int:
    found = metadata.distribution(name).files or ()
    files = [file.locate() for file in found if file.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.is_file())  # type: ignore[attr-defined]


def weights() -> dict[str, float]:
    """Bytes of one each."""
    key = SigningKey.generate("ES256", Form(certificates=False), kid="k")
    jwks = json.dumps({"keys": [key.public_jwk()]})
    issuer = "https://tenant.example/"
    claims = {"iss": issuer, "aud": "api", "exp": time.time() + 3600, "scope": "read:appointments"}
    tokens = [mint(key, claims | {"sub": f"auth0|{user:024}"}) for user in range(REMEMBERED + 1)]
    first = tokens.pop()

    def remembering(times: int) -> float:
        verifier = Verifier(issuer, audience="api", keys=KeySet.parse(jwks), remember=2 * REMEMBERED)
        verifier.verify(first)

        def remember() -> None:
            for token in times * tokens:
                # a service reads each from a request of its own; what is remembered keeps its text alive
                verifier.verify(token[:1] + token[1:])

        return weighed(remember, REMEMBERED)[1]

    rsa = SigningKey.generate("RS256", Form(), name="tenant.example")
    document = json.dumps({"keys": [rsa.public_jwk() | {"kid": str(number)} for number in range(KEYS)]})
    bare = json.dumps({"keys": [key.public_jwk() | {"kid": str(number)} for number in range(KEYS)]})
    return {
        f"a remembered token of {len(tokens[0])} bytes": remembering(1),
        "the same once it has come again": remembering(2),
        "an RSA key with its certificate": weighed(lambda: KeySet.parse(document), KEYS)[1],
        "a P-256 key": weighed(lambda: KeySet.parse(bare), KEYS)[1],
        "an issuer of one given P-256 key": weighed(
            lambda: Verifier.of(*(trust(number, jwks) for number in range(ISSUERS)), remember=0), ISSUERS
        )[1],
        "an issuer of one fetched P-256 key": weighed(lambda: fetched(ISSUERS, jwks), ISSUERS)[1],
        USED: weighed(proofs, MAX_USED)[1],
    }


def proofs() -> Replays:
    """As many used ones as are remembered."""
    seen = Replays(threading.Lock())
    for number in range(MAX_USED):
        seen.first(*used("thumbprint", str(number), time.time() + number))
    return seen


if __name__ == "__main__":
    command(__doc__, measure, lambda parser: parser.add_argument("--rounds", type=int, default=11))

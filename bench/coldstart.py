"""Cold start: a new process, to its first verified token.

    python -m bench.coldstart [--rounds 15] [--delay 0.05]

A process of its own imports the library, builds the verifier and verifies one RS256 token, over TLS, by an
issuer on loopback whose every answer takes a twentieth of a second; the system's authorities are read as
everywhere. "With a copy" has the keys in a file by `rightkey locate --save`. "Told where" asks the URL of the
keys alone; the others find it by the issuer's metadata. "Python alone" is a process that does nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Batch, Spread, in_turns, of_children, process_of, ratio
from bench.report import Goal, Report, Table, command, versions
from rightkey import locate
from rightkey.localissuer import LocalIssuer
from rightkey.sources.copies import document_of

ALONE, PLAIN, COPY, TOLD = "Python alone", "rightkey", "rightkey with a copy", "rightkey, told where"
PYJWT, POWERTOOLS = "PyJWT, told where", "Powertools"
PROGRAMS = {
    ALONE: "pass",
    PLAIN: "from rightkey import Verifier\nVerifier({url!r}, audience={audience!r}).verify({token!r})",
    COPY: (
        "from pathlib import Path\nfrom rightkey import FirstOf, Verifier\n"
        "keys = FirstOf(Path({copy!r}), None)\n"
        "Verifier({url!r}, audience={audience!r}, keys=keys).verify({token!r})"
    ),
    TOLD: (
        "from rightkey import Verifier\n"
        "Verifier({url!r}, audience={audience!r}, keys={jwks!r}).verify({token!r})"
    ),
    PYJWT: (
        "import jwt\nkey = jwt.PyJWKClient({jwks!r}).get_signing_key_from_jwt({token!r})\n"
        "jwt.decode({token!r}, key, algorithms=['RS256'], audience={audience!r}, issuer={url!r})"
    ),
    POWERTOOLS: (
        "from aws_lambda_powertools.utilities.auth_alpha.jwt import JWTVerifier\n"
        "JWTVerifier(issuer={url!r}, audience={audience!r}, algorithms=['RS256']).verify({token!r})"
    ),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that an answer takes")


def measure(options: argparse.Namespace) -> Report:
    with LocalIssuer(tls=True) as issuer, tempfile.TemporaryDirectory() as folder, trusting(issuer, folder):
        programs = filled(issuer, Path(folder, "keys.json"))
        issuer.delay = options.delay
        requests = {name: asked(issuer, program) for name, program in programs.items()}
        worked: dict[str, list[float]] = {name: [] for name in programs}
        batches = {name: counted("-c", program, into=worked[name]) for name, program in programs.items()}
        samples = in_turns(batches, options.rounds, 1)
    took = {name: Spread.of(times) for name, times in samples.items()}
    work = {name: 1e3 * statistics.median(seconds[1:]) for name, seconds in worked.items()}
    ratios = {name: ratio(times, samples[PLAIN]) for name, times in samples.items()}
    rows = [
        (
            name,
            f"{1e3 * one.median:.0f}",
            f"{1e3 * one.low:.0f} to {1e3 * one.high:.0f}",
            f"{ratios[name]:.2f}",
            f"{work[name]:.0f}",
            str(requests[name]),
        )
        for name, one in took.items()
    ]
    columns = ("who", "median, ms", "quartiles, ms", "times rightkey", "CPU, ms", "requests")
    figures = {
        "milliseconds": {name: 1e3 * one.median for name, one in took.items()},
        "ratios": ratios,
        "cpu_milliseconds": work,
        "requests": requests,
    }
    found = f"{requests[COPY]} requests, {ratios[COPY]:.2f} times"
    goal = Goal(
        "cold start with a copy of the keys",
        "no request, and less time than without",
        found,
        requests[COPY] == 0 and ratios[COPY] < 1,
    )
    told = versions("rightkey", "cryptography", "PyJWT", "aws-lambda-powertools")
    title = f"From the start of a process to its first token, answers taking {1e3 * options.delay:.0f} ms"
    return Report("coldstart", figures, [Table(title, columns, rows)], goals=[goal], versions=told)


def filled(issuer: LocalIssuer, copy: Path) -> dict[str, str]:
    """The programs of those that are installed."""
    found = locate(issuer.url)
    document = document_of(found.keys, issuer.url, found.jwks_uri, found.status, time.time())
    copy.write_text(json.dumps(document), encoding="utf-8")
    token = issuer.token(sub="alice", exp=time.time() + 3600)
    known = {"url": issuer.url, "audience": issuer.audience, "jwks": found.jwks_uri, "copy": str(copy)}
    there = importlib.util.find_spec("aws_lambda_powertools") is not None
    return {
        name: program.format(token=token, **known)
        for name, program in PROGRAMS.items()
        if there or name != POWERTOOLS
    }


def counted(*arguments: str, into: list[float]) -> Batch:
    """A process, by the clock on the wall; its seconds of CPU are put down too."""
    run = process_of(*arguments, clock=time.perf_counter)

    def batch(calls: int) -> float:
        before = of_children()
        seconds = run(calls)
        into.append((of_children() - before) / calls)
        return seconds

    return batch


@contextmanager
def trusting(issuer: LocalIssuer, folder: str) -> Iterator[None]:
    """Have processes read the system's authorities, and the issuer's, by the variable of OpenSSL."""
    system = ssl.get_default_verify_paths().cafile
    own = Path(str(issuer.ca_file)).read_bytes()
    both = Path(folder, "authorities.pem")
    both.write_bytes((Path(system).read_bytes() if system else b"") + own)
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(both)
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def asked(issuer: LocalIssuer, program: str) -> int:
    """How many requests a program makes."""
    issuer.requests.clear()
    process_of("-c", program)(1)
    return issuer.requests.total


if __name__ == "__main__":
    command(__doc__, measure, options)

"""Recorded rotations, played again: what following them costs in requests, and which good tokens are refused.

    python -m bench.rotations [--grace SECONDS ...] [--every SECONDS [--lag]] [--only ISSUER ...]

The histories of key sets as real issuers published them from June to October 2024 lie in
`../shared/vectors/providers/wellknown-series`. Their private keys are not known, so that each recorded key
is played by one made here, under the same key id and with all else that its member says; members that sign
nothing are served as they were. A loopback issuer serves version after version; `elapsed` is the recorded
time. A verifier is asked a minute before each change, and a second after it by a token of every key: of those
then published, and of those that come back later, with which front ends that lag behind still sign. With
`--every` it is asked by the same tokens so often for an hour after each change, too, or until the next. With
`--lag` each answer within that hour is by chance one of the version before, as from front ends that disagree.
Chance is the same at each run.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.report import Report, Table, command, versions
from rightkey import Freshness, KeySet, RightkeyError, Verifier
from rightkey.localissuer.keys.signing import Form, SigningKey
from rightkey.localissuer.tokens.minting import mint

SERIES = Path(__file__).resolve().parents[2] / "shared" / "vectors" / "providers" / "wellknown-series"
HEAD = (
    "issuer",
    "versions",
    "grace",
    "refused, by keys published",
    "by keys that come back",
    "requests",
)
ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
"""What a key signs by that does not say."""
NUMBERS = frozenset(("n", "e", "x", "y"))
CERTIFICATE = frozenset(("x5c", "x5t", "x5t#S256"))
NOW, HOUR = 1_800_000_000, 3600.0


@dataclass
class Version:
    """A key set as it was published: from when, in seconds, its members, and the identities of its keys."""

    at: float
    members: list[Mapping[str, Any]]
    keys: tuple[str, ...]


@dataclass
class Played:
    """What came of one history."""

    versions: int
    published: int = 0
    refused: int = 0
    """Of tokens by keys then published."""
    lagging: int = 0
    lagging_refused: int = 0
    """Of tokens by keys that are missing now and come back."""
    requests: dict[str, int] = field(default_factory=dict)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--grace", type=float, nargs="*", default=[0.0, 300.0])
    parser.add_argument("--every", type=float)
    parser.add_argument("--lag", action="store_true")
    parser.add_argument("--only", nargs="*")


def measure(options: argparse.Namespace) -> Report:
    results = {
        path.stem: {grace: play(path, grace, options.every, lag=options.lag) for grace in options.grace}
        for path in sorted(SERIES.glob("*.json"))
        if not options.only or path.stem in options.only
    }
    notes = [] if results else ["The recorded histories are not at hand."]
    figures = {
        name: {f"{grace:g}": vars(played) for grace, played in by_grace.items()}
        for name, by_grace in results.items()
    }
    title = "Recorded rotations: good tokens refused, and requests"
    tables = [Table(title, HEAD, list(rows(results)))] if results else []
    return Report("rotations", figures, tables, notes=notes, versions=versions("rightkey"))


def play(path: Path, grace: float, every: float | None = None, *, lag: bool = False) -> Played:
    """Play one history. `every` and `lag` are the command's."""
    random.seed(path.stem)  # the moments of refreshing ahead are drawn by chance
    versions, signers = read(path)
    result, elapsed = Played(len(versions)), [versions[0].at - 120.0]
    with Issuer() as issuer:
        tokens = {key: token(signer, issuer.url) for key, signer in signers.items()}
        issuer.serve(versions[0])
        verifier = Verifier(
            issuer.url,
            audience="api",
            freshness=Freshness(grace=grace),
            clock=lambda: NOW,
            elapsed=lambda: elapsed[0],
            remember=0,
        )
        for before, version, after in zip(
            versions[:1] + versions, versions, [*versions[1:], None], strict=False
        ):
            elapsed[0] = max(elapsed[0], version.at - 60.0)
            accepts(verifier, tokens[before.keys[0]])
            issuer.serve(version, before if lag else version)
            for at in moments(version, after, every):
                elapsed[0] = max(elapsed[0], at)
                ask(verifier, version, versions, tokens, result)
            issuer.serve(version)
        result.requests = dict(issuer.requests)
    return result


def moments(version: Version, after: Version | None, every: float | None) -> Iterator[float]:
    """When it is asked under one version: a second after the change, and then every so often."""
    at, end = version.at + 1.0, version.at + HOUR
    yield at
    while every and at + every < (min(end, after.at - 60.0) if after else end):
        at += every
        yield at


def ask(
    verifier: Verifier, version: Version, versions: list[Version], tokens: Mapping[str, str], result: Played
) -> None:
    for key in version.keys:
        result.published += 1
        result.refused += not accepts(verifier, tokens[key])
    for key in returning(version, versions):
        result.lagging += 1
        result.lagging_refused += not accepts(verifier, tokens[key])


def read(path: Path) -> tuple[list[Version], dict[str, SigningKey]]:
    """The versions, and who plays each key."""
    signers: dict[str, SigningKey] = {}
    versions = []
    for one in json.loads(path.read_bytes())["jwks_versions"]:
        played = [play_member(member, signers) for member in one["jwks"]["keys"]]
        at = datetime.fromisoformat(one["date"]).timestamp()
        keys = tuple(key for key, _ in played if key is not None)
        versions.append(Version(at, [member for _, member in played], keys))
    return versions, signers


def play_member(
    member: Mapping[str, Any], signers: dict[str, SigningKey]
) -> tuple[str | None, Mapping[str, Any]]:
    """The identity of a member's key, and the member that is served for it; as it is, if it signs nothing."""
    for key in KeySet.parse({"keys": [member]}, published=True):
        name = f"{key.kid} {key.thumbprint}"
        if name not in signers:
            algorithm = key.alg or ALGORITHMS[key.kty]
            signers[name] = SigningKey.generate(algorithm, Form(certificates=False), kid=key.kid)
        numbers = {n: v for n, v in signers[name].public_jwk().items() if n in NUMBERS}
        return name, {n: v for n, v in member.items() if n not in CERTIFICATE} | numbers
    return None, member


def returning(version: Version, versions: list[Version]) -> list[str]:
    """Keys that an earlier version had and a later one will have, and this one lacks."""
    at = versions.index(version)
    earlier = {key for one in versions[:at] for key in one.keys}
    later = {key for one in versions[at + 1 :] for key in one.keys}
    return sorted((earlier & later) - set(version.keys))


def token(signer: SigningKey, issuer: str) -> str:
    return mint(signer, {"iss": issuer, "aud": "api", "exp": NOW + 60})


def accepts(verifier: Verifier, raw: str) -> bool:
    """Whether the token is; what that sets going in the background is awaited, so that runs are alike."""
    try:
        verifier.verify(raw)
    except RightkeyError:
        accepted = False
    else:
        accepted = True
    for thread in threading.enumerate():
        if thread.name == "rightkey":
            thread.join()
    return accepted


class Issuer:
    """Serves one key set after the other, and counts."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._answers = [b""]
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys = self.path.endswith("/keys")
                issuer.requests["keys" if keys else "metadata"] += 1
                body = random.choice(issuer._answers) if keys else issuer._metadata()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def serve(self, *versions: Version) -> None:
        """From now on each answer is by chance one of these."""
        self._answers = [json.dumps({"keys": version.members}).encode() for version in versions]

    def _metadata(self) -> bytes:
        return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode()

    def __enter__(self) -> Issuer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def rows(results: dict[str, dict[float, Played]]) -> Iterator[tuple[str, ...]]:
    for name, by_grace in results.items():
        for grace, played in by_grace.items():
            yield (
                name,
                str(played.versions),
                f"{grace:g} s",
                f"{played.refused} of {played.published}",
                f"{played.lagging_refused} of {played.lagging}",
                f"{played.requests['keys']} for keys, {played.requests['metadata']} for metadata",
            )


if __name__ == "__main__":
    command(__doc__, measure, options)

"""Recorded rotations, played again: what following them costs in requests, and which good tokens are refused.

    python -m bench.rotations [--grace SECONDS ...] [--after SECONDS] [--json]

The histories of key sets as real issuers published them from June to October 2024 lie in
`../shared/vectors/providers/wellknown-series`. Their private keys are not known, so that each recorded key
is played by one made here, under the same key id. A loopback issuer serves version after version; `elapsed`
is the recorded time. A verifier is asked a minute before each change, and then `--after` seconds after it by
a token of every key: of those then published, and of those that come back later, with which front ends that
lag behind still sign.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rightkey import Freshness, RightkeyError, Verifier
from rightkey.localissuer.minting import mint
from rightkey.localissuer.signing import Form, SigningKey

SERIES = Path(__file__).resolve().parents[2] / "shared" / "vectors" / "providers" / "wellknown-series"
HEAD = (
    "| issuer | versions | grace | refused, by keys published | by keys that come back | requests |",
    "| --- | --- | --- | --- | --- | --- |",
)
ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
NOW = 1_800_000_000


@dataclass
class Version:
    """A key set as it was published: the identity of each key, and from when, in seconds."""

    at: float
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
    requests: Counter[str] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--grace", type=float, nargs="*", default=[0.0, 300.0])
    parser.add_argument("--after", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {
        path.stem: {grace: play(path, grace, options.after) for grace in options.grace}
        for path in sorted(SERIES.glob("*.json"))
    }
    if options.json:
        print(json.dumps(results, default=vars, indent=2))
    else:
        print("\n".join(table(results)))


def play(path: Path, grace: float, after: float = 1.0) -> Played:
    """Play one history."""
    versions, signers = read(path)
    result = Played(len(versions))
    elapsed = [versions[0].at - 120.0]
    with Issuer() as issuer:
        issuer.serve(versions[0], signers)
        settings = Freshness(grace=grace)
        verifier = Verifier(
            issuer.url,
            audience="api",
            freshness=settings,
            clock=lambda: NOW,
            elapsed=lambda: elapsed[0],
            remember=0,
        )
        for before, version in zip(versions[:1] + versions, versions, strict=False):
            elapsed[0] = max(elapsed[0], version.at - 60.0)
            accepts(verifier, issuer, signers[before.keys[0]])
            issuer.serve(version, signers)
            elapsed[0] = max(elapsed[0], version.at + after)
            for key in version.keys:
                result.published += 1
                result.refused += not accepts(verifier, issuer, signers[key])
            for key in returning(version, versions):
                result.lagging += 1
                result.lagging_refused += not accepts(verifier, issuer, signers[key])
        result.requests = Counter(issuer.requests)
    return result


def read(path: Path) -> tuple[list[Version], dict[str, SigningKey]]:
    """The versions, and who plays each key."""
    recorded = json.loads(path.read_bytes())["jwks_versions"]
    versions, signers = [], {}
    for one in recorded:
        keys = [key for key in one["jwks"]["keys"] if key.get("use", "sig") == "sig"]
        for key in keys:
            if identity(key) not in signers:
                form = Form(certificates=False)
                signers[identity(key)] = SigningKey.generate(ALGORITHMS[key["kty"]], form, kid=key["kid"])
        at = datetime.fromisoformat(one["date"]).timestamp()
        versions.append(Version(at, tuple(map(identity, keys))))
    return versions, signers


def identity(key: dict[str, Any]) -> str:
    return f"{key['kid']} {key.get('n') or key.get('x')}"


def returning(version: Version, versions: list[Version]) -> Iterator[str]:
    """Keys that an earlier version had and a later one will have, and this one lacks."""
    at = versions.index(version)
    earlier = {key for one in versions[:at] for key in one.keys}
    later = {key for one in versions[at + 1 :] for key in one.keys}
    yield from sorted((earlier & later) - set(version.keys))


def accepts(verifier: Verifier, issuer: Issuer, signer: SigningKey) -> bool:
    try:
        verifier.verify(mint(signer, {"iss": issuer.url, "aud": "api", "exp": NOW + 60}))
    except RightkeyError:
        return False
    return True


class Issuer:
    """Serves one key set after the other, and counts."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._keys = b""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys = self.path.endswith("/keys")
                issuer.requests["keys" if keys else "metadata"] += 1
                body = issuer._keys if keys else issuer._metadata()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def serve(self, version: Version, signers: dict[str, SigningKey]) -> None:
        members = [signers[key].public_jwk() for key in version.keys]
        self._keys = json.dumps({"keys": members}).encode()

    def _metadata(self) -> bytes:
        return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode()

    def __enter__(self) -> Issuer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def table(results: dict[str, dict[float, Played]]) -> Iterator[str]:
    """As a page shows it."""
    yield from HEAD
    for name, by_grace in results.items():
        for grace, played in by_grace.items():
            yield (
                f"| {name} | {played.versions} | {grace:g} s | {played.refused} of {played.published} "
                f"| {played.lagging_refused} of {played.lagging} "
                f"| {played.requests['keys']} for keys, {played.requests['metadata']} for metadata |"
            )


if __name__ == "__main__":
    main()

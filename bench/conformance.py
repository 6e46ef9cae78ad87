"""MCP's conformance suite before our integration: its rows about authorization for servers.

    python -m bench.conformance CHECKOUT {dpop,audience,discovery} {mcp,fastmcp} [--nonces]

CHECKOUT is one of github.com/modelcontextprotocol/conformance, at pull request 395 (`dpop`), 386 (`audience`)
or 64 (`discovery`), which are not merged, after `npm install` in it. Node 22 must be in PATH. Each SDK has a
process of its own: the suite's issuer makes another key for each run, under the same key id.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from bench.ports import free_port
from rightkey import DPoP, KeySet
from rightkey.integrations import fastmcp, mcp
from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.keys.signing import SigningKey

ROWS = {
    "dpop": ("--scenario", "auth/dpop-server-validation"),
    "audience": ("--scenario", "auth-token-audience-validation"),
    "discovery": ("--suite", "auth"),
}
ISSUER = "https://issuer.example"
"""Of the tokens that the suite makes with our key."""
THEIRS = "http://127.0.0.1:9797"
"""The issuer that the suite runs itself."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("scenario", choices=list(ROWS))
    parser.add_argument("sdk", choices=["mcp", "fastmcp"])
    parser.add_argument("--nonces", action="store_true", help="ask for nonces, too")
    chosen = parser.parse_args()
    key = SigningKey.generate("ES256")
    url = f"http://127.0.0.1:{free_port()}/mcp"
    with LocalIssuer() as issuer:
        issuers = {"dpop": ISSUER, "audience": THEIRS, "discovery": issuer.url}
        how = {"issuer": issuers[chosen.scenario], "audience": url}
        if chosen.scenario == "dpop":
            how |= bound(url, key, nonces=chosen.nonces)
        with serving(app(chosen.sdk, url, how), url):
            return played(chosen.checkout, ROWS[chosen.scenario], url, key)


def bound(url: str, key: SigningKey, *, nonces: bool) -> dict[str, Any]:
    """The settings of a verifier that takes proofs, and tokens by this key."""
    keys, rules = KeySet.parse({"keys": [key.public_jwk()]}), DPoP(nonce_secret=bytes(32) if nonces else None)
    origin = url.removesuffix("/mcp")
    return {"keys": keys, "origin": origin, "dpop": rules}


def app(kind: str, url: str, how: dict[str, Any]) -> Any:
    """A server by one SDK."""
    if kind == "fastmcp":
        from fastmcp import FastMCP
        from fastmcp.server.auth import RemoteAuthProvider

        checks = fastmcp.RightKeyVerifier(**how)
        auth = RemoteAuthProvider(checks, [how["issuer"]], base_url=url.removesuffix("/mcp"))
        served = FastMCP("conformance", auth=auth).http_app(stateless_http=True)
        return fastmcp.with_proofs(fastmcp.with_outages(served), checks)
    from mcp.server import MCPServer
    from mcp.server.auth.settings import AuthSettings

    settings = AuthSettings(
        issuer_url=how["issuer"],
        resource_server_url=url,  # type: ignore[arg-type]
        required_scopes=[],
        validate_token_resource=False,
    )
    verifier = mcp.RightKeyVerifier(**how)
    server = MCPServer("conformance", token_verifier=verifier, auth=settings)
    return mcp.with_proofs(mcp.with_outages(server.streamable_http_app(stateless_http=True)), verifier)


@contextmanager
def serving(application: Any, url: str) -> Iterator[None]:
    port = int(url.rpartition(":")[2].partition("/")[0])
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield
    server.should_exit = True
    thread.join(10)


def played(checkout: Path, rows: Sequence[str], url: str, key: SigningKey) -> int:
    """Print each check that did not succeed, and how many did."""
    private: Mapping[str, Any] = key.private_jwk()
    jwk = json.dumps({name: private[name] for name in ("kty", "crv", "x", "y", "d")})
    environment = os.environ | {"DPOP_ISSUER_PRIVATE_JWK": jwk, "DPOP_ISSUER": ISSUER}
    command = ["node", "node_modules/.bin/tsx", "src/index.ts", "server"]
    command += [*rows, "--url", url]
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    lines = re.sub(r"\x1b\[\d+m", "", done.stdout).splitlines()
    print(next((line for line in lines if line.startswith(("Passed", "Total"))), done.stderr[-500:]))
    print(*(f"  {line}" for line in lines if re.search(r"\] (FAILURE|WARNING|SKIPPED) ", line)), sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

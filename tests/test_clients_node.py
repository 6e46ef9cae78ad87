"""Clients of Node before `rightkey issuer`, unmodified: jose, Auth0's middleware for Express, openid-client.

`npm ci --prefix tests/node` brings them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

import rightkey
from rightkey.integrations.asgi import RightKeyMiddleware
from rightkey.localissuer import ATTACKS, DRESSES, LocalIssuer

pytestmark = pytest.mark.slow
NODE = Path(__file__).parent / "node"
HAS_CRYPTO = ["node", "-e", "process.exit(globalThis.crypto ? 0 : 1)"]
if shutil.which("node") is None or subprocess.run(HAS_CRYPTO, check=False).returncode:
    pytest.skip("there is no Node of version 20 or later", allow_module_level=True)
if not (NODE / "node_modules").is_dir():
    pytest.skip("npm ci --prefix tests/node was not run", allow_module_level=True)

LEFT_TO_OTHERS = {"b64-false-uncritical", "typ-logout"}
"""Attacks that jose does not refuse by itself, and so neither does what is built on it."""


class Managed:
    """A running issuer, managed over HTTP, as from any language."""

    def __init__(self, told: dict[str, Any], client: httpx.Client) -> None:
        self.told, self._client = told, client
        self._base = f"{told['issuer'].rstrip('/')}/_rightkey"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        asked = body if method == "POST" else None
        return self._client.request(method, f"{self._base}/{path}", json=asked).json()

    def token(self, **claims: Any) -> str:
        return str(self.ask("POST", "token", claims=claims)["token"])

    def attack(self, name: str, **claims: Any) -> str:
        return str(self.ask("POST", f"attacks/{name}", claims=claims)["token"])

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.ask("GET", "requests")["counts"]
        return found


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(params=[*DRESSES])
def issuer(
    request: pytest.FixtureRequest,
    command_line_issuer: Callable[..., dict[str, Any]],
    client: httpx.Client,
) -> Managed:
    """In every dress, signing by RS256, as most do."""
    return Managed(command_line_issuer("--dress", request.param), client)


@pytest.fixture
def node() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs a script of tests/node until the test is over."""
    with ExitStack() as stack:

        def run(script: str, *arguments: str) -> subprocess.Popen[str]:
            command = ["node", str(NODE / script), *arguments]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            return stack.enter_context(subprocess.Popen(command, text=True, bufsize=1, **pipes))

        yield run


def test_jose(issuer: Managed, node: Callable[..., subprocess.Popen[str]]) -> None:
    """Good tokens verify with one request for keys, also after a rotation; forged ones do not."""
    told = issuer.told
    process = node("jose.mjs", told["jwks_uri"], told["issuer"], told["audience"])

    def verified(token: str) -> dict[str, str]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{token}\n")
        said: dict[str, str] = json.loads(process.stdout.readline())
        return said

    assert verified(issuer.token(sub="alice")) == {"sub": "alice"}
    issuer.ask("POST", "keys/rotate")
    assert verified(issuer.token(sub="bob")) == {"sub": "bob"}
    taken = {name for name in ATTACKS if "sub" in verified(issuer.attack(name, sub="mallory"))}
    assert taken <= LEFT_TO_OTHERS
    assert issuer.counts == {"jwks": 1}


def test_express(issuer: Managed, node: Callable[..., subprocess.Popen[str]], client: httpx.Client) -> None:
    """It finds the keys by the issuer's metadata, asks once, and refuses what is forged or too little."""
    process = node("express.mjs", issuer.told["issuer"], issuer.told["audience"])
    assert process.stdout is not None
    url = f"http://127.0.0.1:{int(process.stdout.readline())}/appointments"

    def got(token: str) -> tuple[int, dict[str, str]]:
        answer = client.get(url, headers={"authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()

    assert client.get(url).status_code == 401
    assert got(issuer.token(sub="alice", scope="read:appointments")) == (200, {"sub": "alice"})
    assert got(issuer.token(sub="alice"))[0] == 403
    issuer.ask("POST", "keys/rotate")
    assert got(issuer.token(sub="bob", scope="read:appointments"))[0] == 200
    small = [name for name in ATTACKS if name != "huge-kid"]  # Node's server takes no header of that size
    refused = {name for name in small if got(issuer.attack(name, scope="read:appointments"))[0] == 401}
    assert refused >= set(small) - LEFT_TO_OTHERS
    assert issuer.counts == {"discovery": 1, "jwks": 1}


@pytest.mark.parametrize("nonces", [False, True])
def test_dpop(nonces: bool, node: Callable[..., subprocess.Popen[str]], served: Callable[[Any], str]) -> None:
    """oauth4webapi and the package dpop come in with their proofs, by the API's public name, once each; with
    the nonce that they are told."""
    origin = "https://api.example.com"
    with LocalIssuer(algorithm="ES256") as local:
        rules = rightkey.DPoP(nonce_secret=bytes(32) if nonces else None)
        how: dict[str, Any] = {"audience": local.audience, "origin": origin, "dpop": rules}
        process = node("dpop.mjs", origin, served(RightKeyMiddleware(answering, local.url, **how)), local.url)
        assert process.stdin is not None
        assert process.stdout is not None
        for alg in ("ES256", "Ed25519", "RS256", "PS256"):
            jkt = process.stdout.readline().strip()
            process.stdin.write(f"{local.token(sub='alice', cnf={'jkt': jkt})}\n")
            found = json.loads(process.stdout.readline())
            how_oauth = ["by a nonce", 200] if nonces else ["at once", 200]
            statuses = [401, 200, 200, 401] if nonces else [200, 200, 200, 401]
            assert found == {"alg": alg, "oauth4webapi": how_oauth, "dpop": statuses}
        assert json.loads(process.stdout.readline()) == {"type": "dpop", "status": 200}


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """An application that says yes to everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes"})


def test_openid_client(issuer: Managed, node: Callable[..., subprocess.Popen[str]]) -> None:
    """Every grant, three ways to authenticate, and what comes beside: exchange, introspection, revocation."""
    secret = "a secret that is long enough for HS256"
    process = node("openid-client.mjs", issuer.told["issuer"], secret)
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    known = {"sub": "alice", "info": "alice", "rotated": True, "audience": "https://next.example"}
    known |= {"methods": ["basic", "post", "jwt"], "hybrid": "alice", "implicit": "alice"}
    served = issuer.ask("GET", "")["endpoints"]
    optional = {"active": True} if "introspect" in served else {}
    optional |= {"device": "bob"} if "device" in served else {}
    assert found == known | optional

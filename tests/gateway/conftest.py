"""The gateway as its command runs it, an issuer, and a service that tells what it was sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import ended

from rightkey.gateway.decision import Answer
from rightkey.localissuer import LocalIssuer

CONFIGURATION = """
proxy = "{proxy}"
listen = "{listen}"
plain = "127.0.0.1:{plain}"
workers = {workers}
{more}
[identity]
X-Auth-Subject = "sub"
X-Auth-Scopes = "scope"

[[issuer]]
issuer = "{issuer}"
audience = "https://api.example.com"

[[route]]
path = "/public/*"
public = true

[[route]]
path = "/orders/*"
methods = ["GET"]
require = "read:orders"

[[route]]
path = "/*"
"""


@dataclass
class Gateway:
    """A gateway in processes of its own."""

    file: Path
    listen: str
    plain: str
    process: subprocess.Popen[str]
    told: dict[str, Any] = field(default_factory=dict)

    def look(self, path: str, **headers: str) -> httpx.Response:
        """What its plain listener answers."""
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
            return client.get(f"{self.plain}{path}", headers=headers)

    def count(self, code: str) -> int:
        """How often it has answered with this code."""
        line = f'rightkey_gateway_answers_total{{code="{code}"}} '
        return int(self.look("/metrics").text.partition(line)[2].partition("\n")[0])

    def workers(self) -> set[int]:
        """The pids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(map(int, children.read_text().split()))

    def log(self) -> str:
        """All that it has written so far."""
        return self.file.with_suffix(".log").read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it at once: an idle connection of a proxy would have it drain for 10 s."""
        for pid in (self.process.pid, *self.workers()):
            with suppress(ProcessLookupError):  # a worker that has seen that its parent is gone
                os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def stop(self) -> int:
        """Stop it, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def fields_of(answer: Answer) -> dict[str, str]:
    """The headers of an answer but for its length."""
    lines = answer.head.decode("latin-1").split("\r\n")[1:-2]
    fields = dict(line.split(": ", 1) for line in lines)
    del fields["Content-Length"]
    return fields


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """An issuer whose keys and answers a test may change."""
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def gateway(
    tmp_path: Path, issuer: LocalIssuer, free_ports: Callable[[], int]
) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways for a proxy; they are stopped when the test is over."""
    with ExitStack() as stack:

        def start(proxy: str, workers: int = 1, listen: str | None = None, more: str = "") -> Gateway:
            plain, listen = free_ports(), listen or f"127.0.0.1:{free_ports()}"
            path = tmp_path / f"gateway-{plain}.toml"
            settings = {"proxy": proxy, "listen": listen, "plain": plain, "workers": workers}
            path.write_text(CONFIGURATION.format(**settings, more=more, issuer=issuer.url), encoding="utf-8")
            log = stack.enter_context(path.with_suffix(".log").open("w", encoding="utf-8"))
            command = [sys.executable, "-m", "rightkey", "gateway", "--config", str(path), "--json"]
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
            stack.callback(ended, process)
            started = Gateway(path, listen, f"http://127.0.0.1:{plain}", process)
            _wait_for(lambda: started.look("/readyz").status_code == 200, started)
            _wait_for(lambda: len(started.workers()) == workers, started)
            return started

        yield start


def _wait_for(ready: Callable[[], bool], gateway: Gateway) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and gateway.process.poll() is None:
        with suppress(httpx.TransportError):
            if ready():
                return
        time.sleep(0.05)
    pytest.fail(gateway.log())


@pytest.fixture
def ask(gateway: Any) -> Callable[..., httpx.Response]:
    """Asks a gateway of nginx as nginx does."""

    def asked(
        of: Gateway, uri: str = "/", token: str | None = None, method: str = "GET", **headers: str
    ) -> httpx.Response:
        sent = {"x-original-method": method, "x-original-uri": uri, "x-original-host": "api.example.com"}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
            return client.get(f"http://{of.listen}/", headers=sent | headers)

    return asked


@pytest.fixture
def service(served: Callable[[Any], str]) -> str:
    """A service that answers with the request that it got, and echoes what comes over a websocket."""
    from aiohttp import web

    async def told(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            talk = web.WebSocketResponse()
            await talk.prepare(request)
            async for message in talk:
                await talk.send_str(f"{message.data} {request.headers.get('X-Auth-Subject')}")
            return talk
        headers = [[name.decode(), value.decode()] for name, value in request.raw_headers]
        body = (await request.read()).decode()
        return web.json_response(
            {"method": request.method, "uri": request.path_qs, "headers": headers, "body": body}
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told)
    return served(app)

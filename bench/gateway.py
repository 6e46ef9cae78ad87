"""The gateway beside nginx's `return 204`, and beside our middleware under uvicorn.

    python -m bench.gateway [--rounds 5] [--seconds 2]

Each is one process, asked by wrk over 32 connections that stay open, with 50 users' tokens in turn and the
headers that nginx sends along. They take turns in one run, and share the machine with wrk. CPU is what the
serving process took, by the system's account. It needs `wrk` and `nginx`.

Each user asks for one path again and again, so that the same 50 heads come; or, where every head is another,
each request is for a path of its own, with an id of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.ports import free_port
from bench.report import Goal, Report, Table, command, versions
from rightkey.localissuer import LocalIssuer

NGINX, UVICORN = "nginx, return 204", "uvicorn, our middleware"
GATEWAY, ANOTHER = "rightkey gateway, heads that come again", "rightkey gateway, every head another"
FORGETFUL = "rightkey gateway, no token remembered"
USERS = 50
TICK = 1 / os.sysconf("SC_CLK_TCK")
SCRIPT = """
local heads, turn, began = {{}}, 0, os.time() % 1000000 * 10000000
function init()
    for line in io.lines("{tokens}") do
        local head = wrk.format("GET", "/", {{
            ["X-Original-Method"] = "GET", ["X-Original-URI"] = "/orders/@",
            ["X-Original-Host"] = "api.example.com", ["User-Agent"] = "curl/8.5.0", ["Accept"] = "*/*",
            ["Accept-Encoding"] = "gzip", ["X-Request-ID"] = "@", ["Authorization"] = "Bearer " .. line
        }})
        local first, second, third = head:match("([^@]*)@([^@]*)@(.*)")
        heads[#heads + 1] = {{first, second, third, first .. "1" .. second .. "1" .. third}}
    end
end
function request()
    turn = turn + 1
    local head = heads[turn % #heads + 1]
    if {another} then
        local number = string.format("%d", began + turn)
        return head[1] .. number .. head[2] .. number .. head[3]
    end
    return head[4]
end
function done(summary, latency)
    local errors = summary.errors
    local wrong = errors.status + errors.connect + errors.read + errors.timeout
    io.write(string.format('\\n{{"requests": %d, "us": %d, "wrong": %d, "p50": %f, "p999": %f}}\\n',
        summary.requests, summary.duration, wrong, latency:percentile(50), latency:percentile(99.9)))
end
"""
CONFIGURATION = """
proxy = "nginx"
listen = "127.0.0.1:{port}"
plain = "127.0.0.1:{plain}"
workers = 1
remember = {remember}
identity = {{X-Auth-Subject = "sub", X-Auth-Scopes = "scope"}}
[[issuer]]
issuer = "{issuer}"
audience = "{audience}"
[[route]]
path = "/orders/*"
methods = ["GET"]
"""
UVICORN_APP = """
from rightkey.integrations.asgi import RightKeyMiddleware

async def passes(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}})
    await send({{"type": "http.response.body", "body": b""}})

app = RightKeyMiddleware(passes, "{issuer}", audience="{audience}")
"""
NGINX_CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 10000000; large_client_header_buffers 4 32k;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }}
}}
"""


class Server(NamedTuple):
    """One that serves: where, and by which process."""

    port: int
    pid: int


class Round(NamedTuple):
    """What one was seen to do: requests a second, microseconds of CPU a request, and milliseconds."""

    rate: float
    cpu: float
    median: float
    p999: float


def measure(options: argparse.Namespace) -> Report:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        issuer = stack.enter_context(LocalIssuer())
        script, another = written(folder, issuer, another=False), written(folder, issuer, another=True)
        servers = {name: stack.enter_context(start(folder, issuer)) for name, start in STARTS.items()}
        servers[ANOTHER] = servers[GATEWAY]
        rounds: dict[str, list[Round]] = {name: [] for name in ROWS}
        for turn in range(options.rounds + 1):
            for name in ROWS:
                one = played(another if name == ANOTHER else script, servers[name], options.seconds)
                if turn:  # the first warms up
                    rounds[name].append(one)
        refreshing = [disturbed(script, servers[GATEWAY], issuer, options.seconds) for _ in range(2)]
        memory = {name: resident(server.pid) for name, server in servers.items()}
    return reported(rounds, refreshing, memory)


def written(folder: Path, issuer: LocalIssuer, *, another: bool) -> Path:
    """A script of wrk, and the tokens that it sends. `another`: whether every head is another."""
    tokens = [
        issuer.token(
            sub=f"auth0|5f7c8ec7c33c6c004bbafe{user}", scope="openid profile read:orders", azp="x" * 32
        )
        for user in range(USERS)
    ]
    (folder / "tokens").write_text("\n".join(tokens))
    file = folder / f"ask-{another}.lua"
    file.write_text(SCRIPT.format(tokens=folder / "tokens", another=str(another).lower()))
    return file


def played(script: Path, server: Server, seconds: int) -> Round:
    """Ask for so long, and see what it took."""
    before = cpu(server.pid)
    line = ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{server.port}/"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    took = cpu(server.pid) - before
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if told["wrong"]:
        raise RuntimeError(f"{told['wrong']} requests were not answered as they should be")
    rate = told["requests"] / (told["us"] / 1e6)
    return Round(rate, 1e6 * took / told["requests"], told["p50"] / 1000, told["p999"] / 1000)


def disturbed(script: Path, server: Server, issuer: LocalIssuer, seconds: int) -> Round:
    """The same while a token by an unknown key has the keys fetched again, which takes a second."""
    from rightkey.localissuer import fault

    issuer.misbehave("jwks", fault("delay", seconds=1.0), times=1)
    unknown = issuer.attack("huge-kid")

    def cause() -> None:
        time.sleep(seconds / 4)
        with closing(socket.create_connection(("127.0.0.1", server.port))) as sock:
            named = "X-Original-Method: GET\r\nX-Original-URI: /orders/1\r\nX-Original-Host: a\r\n"
            sock.sendall(f"GET / HTTP/1.1\r\n{named}Authorization: Bearer {unknown}\r\n\r\n".encode())
            sock.recv(4096)

    thread = threading.Thread(target=cause)
    thread.start()
    one = played(script, server, max(2, seconds))
    thread.join()
    time.sleep(10)  # until the next draw
    return one


def goals_of(ratio: Callable[[str, str], float], busy: float) -> Iterator[Goal]:
    """What the gateway is to reach: its rate and its CPU in nginx's, and its p99.9 in that of rest."""
    for name, whose, which in ((GATEWAY, "the gateway's", ""), (ANOTHER, "its", ", every head another")):
        rate, cost = ratio(name, "rate"), ratio(name, "cpu")
        what = f"{whose} requests/s, of nginx's{which}"
        yield Goal(what, "at least 0.7", f"{rate:.2f}", rate >= 0.7)
        what = f"its CPU a request, of nginx's{which}"
        yield Goal(what, "at most 1.5 times", f"{cost:.2f} times", cost <= 1.5)
    yield Goal("its p99.9 during a refresh", "within 2 times of rest", f"{busy:.2f} times", busy <= 2)


def reported(
    rounds: Mapping[str, list[Round]], refreshing: list[Round], memory: Mapping[str, float]
) -> Report:
    def median(name: str, what: str) -> float:
        return statistics.median(getattr(one, what) for one in rounds[name])

    def ratio(name: str, what: str) -> float:
        pairs = zip(rounds[name], rounds[NGINX], strict=True)
        return statistics.median(getattr(one, what) / getattr(two, what) for one, two in pairs)

    rows = [
        (
            name,
            f"{median(name, 'rate'):,.0f}",
            f"{ratio(name, 'rate'):.2f}",
            f"{median(name, 'cpu'):.1f}",
            f"{ratio(name, 'cpu'):.2f}",
            f"{median(name, 'p999'):.1f}",
            f"{memory[name]:.0f}",
        )
        for name in rounds
    ]
    columns = ("who", "requests/s", "of nginx", "CPU, us", "times nginx", "p99.9, ms", "memory, MiB")
    busy = statistics.median(one.p999 for one in refreshing) / median(GATEWAY, "p999")
    goals = [*goals_of(ratio, busy)]
    figures = {
        "rounds": {name: [one._asdict() for one in each] for name, each in rounds.items()},
        "refreshing": [one._asdict() for one in refreshing],
        "memory": dict(memory),
        "of_nginx": {name: ratio(name, "rate") for name in rounds},
        "times_nginx": {name: ratio(name, "cpu") for name in rounds},
    }
    tables = [Table("Remembered tokens, one process each", columns, rows)]
    return Report(
        "gateway", figures, tables, goals=goals, versions=versions("rightkey", "httptools", "uvloop")
    )


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def resident(pid: int) -> float:
    """MiB that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@contextmanager
def serving(line: list[str], folder: Path, port: int) -> Iterator[Server]:
    """A process until the end, once it listens; its only child serves where it has one."""
    process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not listens(port):
            time.sleep(0.05)
        time.sleep(1)  # the gateway listens before it has a worker
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield Server(port, int(children[0]) if children else process.pid)
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def nginx(folder: Path, issuer: LocalIssuer) -> Any:
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX_CONFIGURATION.format(folder=folder, port=port))
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    return serving([binary, "-c", str(folder / "nginx.conf")], folder, port)


def gateway(remember: int) -> Callable[[Path, LocalIssuer], Any]:
    def start(folder: Path, issuer: LocalIssuer) -> Any:
        port, file = free_port(), folder / f"gateway-{remember}.toml"
        settings = {"port": port, "plain": free_port(), "remember": remember}
        file.write_text(CONFIGURATION.format(issuer=issuer.url, audience=issuer.audience, **settings))
        return serving([sys.executable, "-m", "rightkey", "gateway", "--config", str(file)], folder, port)

    return start


def uvicorn(folder: Path, issuer: LocalIssuer) -> Any:
    port = free_port()
    (folder / "service.py").write_text(UVICORN_APP.format(issuer=issuer.url, audience=issuer.audience))
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "critical"]
    return serving([sys.executable, "-m", "uvicorn", "service:app", f"--port={port}", *options], folder, port)


STARTS: dict[str, Callable[[Path, LocalIssuer], Any]] = {
    NGINX: nginx,
    GATEWAY: gateway(4096),
    FORGETFUL: gateway(0),
    UVICORN: uvicorn,
}
ROWS = (NGINX, GATEWAY, ANOTHER, FORGETFUL, UVICORN)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)


if __name__ == "__main__":
    command(__doc__, measure, options)

"""The compose file's set-up on one machine, without Docker: `python examples/compose/run.py [SERVER...]`.

A local issuer in Keycloak's dress stands for Keycloak; nginx, the app and its servers are real. It is
`keycloak:8080` inside and `https://id.example.com` outside. Ends with 0 where everything was seen, 1 where
something was not, and 77 where this machine does not allow it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from network import HERE, Network, run, way_in
from scenes import Stage, seen

from rightkey.localissuer import Client, LocalIssuer, fault

FOLDER = Path(__file__).resolve().parent
SKIPPED = 77
REALM = "/realms/demo"
KEYS = f"http://keycloak:8080{REALM}/protocol/openid-connect/certs"

GUNICORN = "gunicorn --workers 2 --bind 0.0.0.0:8000 --no-control-socket"
BOTH = {"RIGHTKEY_ISSUER": f"https://id.example.com{REALM}", "RIGHTKEY_AUDIENCE": "https://api.example.com"}
INSIDE = BOTH | {
    "RIGHTKEY_METADATA_URL": f"http://keycloak:8080{REALM}/.well-known/openid-configuration",
    "RIGHTKEY_PLAIN_HTTP": "keycloak",
}
"""Keycloak as the app's own network knows it: with KC_HOSTNAME_BACKCHANNEL_DYNAMIC its keys are there too."""
OUTSIDE = BOTH | {"RIGHTKEY_CA_FILE": "certs/id.pem"}
"""Keycloak as everyone knows it, by https and a certificate of one's own authority."""


class Server(NamedTuple):
    """A server of the app: its command, and how it reaches the issuer."""

    command: str
    environ: dict[str, str]


SERVERS = {
    "gthread": Server(f"{GUNICORN} --worker-class gthread --threads 4 wsgi_service:app", INSIDE),
    "gevent": Server(f"{GUNICORN} --worker-class gevent wsgi_service:app", INSIDE),
    "gevent-preload": Server(f"{GUNICORN} --worker-class gevent --preload wsgi_service:app", INSIDE),
    "gevent-https": Server(f"{GUNICORN} --worker-class gevent wsgi_service:app", OUTSIDE),
    "uvicorn": Server("uvicorn --workers 2 --host 0.0.0.0 --port 8000 asgi_service:app", INSIDE),
    "granian": Server(
        "granian --interface asgi --workers 2 --host 0.0.0.0 --port 8000 asgi_service:app", INSIDE
    ),
    "granian-https": Server(
        "granian --interface asgi --workers 2 --host 0.0.0.0 --port 8000 asgi_service:app", OUTSIDE
    ),
}


def main(names: list[str]) -> int:
    """Play before these servers, or all; in a network of its own."""
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        print(f"no server {unknown[0]!r}: one of {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    if os.environ.get("COMPOSE_INSIDE"):
        return played(names or list(SERVERS))
    needed = [tool for tool in ("unshare", "ip", "nginx", "openssl") if shutil.which(tool) is None]
    words = None if needed else way_in()
    if words is None:
        why = f"{', '.join(needed)} not installed" if needed else "network namespaces are not permitted here"
        print(f"skipped: {why}", file=sys.stderr)
        return SKIPPED
    command = [*words, sys.executable, __file__, *names]
    return subprocess.run(command, env=os.environ | {"COMPOSE_INSIDE": "1"}, check=False).returncode


def played(names: list[str]) -> int:
    """The scenes before each server, with an issuer and an edge of its own."""
    network = Network()
    network.name(HERE, "keycloak")
    network.host("edge", "id.example.com", "api.example.com")
    network.host("app")
    for folder in filter(Path.is_dir, (Path("/var/lib/nginx"), Path("/var/log/nginx"))):
        run("mount", "-t", "tmpfs", "none", str(folder))
    results = [one_server(network, name) for name in names]
    return 0 if all(results) else 1


def one_server(network: Network, name: str) -> bool:
    """Whether everything was seen at one server."""
    print(f"== {name}", flush=True)
    server = SERVERS[name]
    with tempfile.TemporaryDirectory() as scratch, keycloak(server.environ is INSIDE) as issuer:
        folder = Path(scratch)
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        certified(folder)
        (folder / "metrics").mkdir()
        nginx = ("nginx", "-p", scratch, "-c", f"{scratch}/nginx.conf", "-g", NGINX.format(scratch))
        command = (sys.executable, "-m", *server.command.split())
        seconds = {"RIGHTKEY_MAX_LIFE": "2", "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
        processes = [
            network.start("edge", *nginx, log=folder / "edge.log", folder=folder),
            network.start(
                "app", *command, log=folder / "app.log", folder=folder, **server.environ, **seconds
            ),
        ]
        try:
            return seen(Stage(issuer, folder), inside=server.environ is INSIDE)
        finally:
            for process in processes:
                ended(process)


NGINX = "daemon off; user root; pid {0}/nginx.pid; error_log {0}/edge.log;"


def keycloak(inside: bool) -> LocalIssuer:
    """An issuer as Keycloak is with KC_HOSTNAME; inside, with KC_HOSTNAME_BACKCHANNEL_DYNAMIC as well."""
    issuer = LocalIssuer(
        dress="keycloak",
        url=f"https://id.example.com{REALM}",
        host=HERE,
        port=8080,
        clients=[Client("shop", "not-a-secret")],
        claims={"realm_access": {"roles": ["reader"]}},
    )
    if inside:
        issuer.misbehave("discovery", fault("moved-jwks-uri", to=KEYS))
    return issuer


def certified(folder: Path) -> None:
    """A certificate for id.example.com that is its own authority, as in the README."""
    (folder / "certs").mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=id.example.com", "-addext", "subjectAltName=DNS:id.example.com"]
    command += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command += ["-keyout", "certs/id.key", "-out", "certs/id.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for a process to end that is told to."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

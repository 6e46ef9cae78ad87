"""Products of others before the drill, each installed by its own client, and drilled by the command line.

    python -m bench.drill.others NAME [...] [--work DIR]     install, drill, and keep the card in cards/
    python -m bench.drill.others --table                     what the cards say, as a table

Nothing of them is in this project's own environment: a product has a folder of its own in DIR. The line that
drills it is printed, and is in its card.
"""

from __future__ import annotations

import argparse
import json
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rightkey.drill.row import SHOWN

HERE = Path(__file__).parent
CARDS, APPS = HERE / "cards", HERE / "apps"
DEBIAN = {".rb": "ruby", ".pl": "perl"}
TOLD = ("{jwks_uri}", "{issuer}", "{audience}")


@dataclass(frozen=True, slots=True)
class Product:
    """What is installed, and how it is drilled.

    Args:
        app: the file that serves it.
        packages: of PyPI where the app is Python, of npm where it is Node's, else of Debian; the first one is
            the product.
        options: of `rightkey drill`.
    """

    app: str
    packages: Sequence[str]
    options: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """The end of the app's name, which says what runs it."""
        return Path(self.app).suffix


_FLASK, _FASTAPI = ("flask",), ("fastapi", "uvicorn")
_LIFE = ("--life", "2")
PRODUCTS = {
    "Flask-JWT-Extended": Product("flask_jwt.py", ("Flask-JWT-Extended", "PyJWT[crypto]"), _LIFE),
    "Authlib, RFC 9068": Product(
        "authlib_resource.py", ("Authlib", "requests", *_FLASK), (*_LIFE, "--typ", "at+jwt")
    ),
    "drf-oidc-auth": Product(
        "drf_oidc_auth.py", ("drf-oidc-auth",), (*_LIFE, "--carrier", "Authorization: JWT {token}")
    ),
    "google-auth": Product("google_auth.py", ("google-auth", "requests", "PyJWT[crypto]", *_FLASK), _LIFE),
    "fastapi-azure-auth": Product("azure_auth.py", ("fastapi-azure-auth", *_FASTAPI), ("--dress", "entra")),
    "cognitojwt": Product("cognito_jwt.py", ("cognitojwt[sync]", *_FLASK), ("--dress", "cognito")),
    "okta-jwt-verifier": Product(
        "okta_verifier.py",
        ("okta-jwt-verifier", "requests", "cryptography", *_FASTAPI),
        (*_LIFE, "--dress", "okta", "--tls"),
    ),
    "fastapi-keycloak-middleware": Product(
        "keycloak_middleware.py", ("fastapi-keycloak-middleware", *_FASTAPI), ("--dress", "keycloak")
    ),
    "fastapi-cloudauth": Product("cloudauth.py", ("fastapi-cloudauth", *_FASTAPI), ("--tls",)),
    "express-jwt": Product("express_jwt.mjs", ("express-jwt", "jwks-rsa", "express"), _LIFE),
    "koa-jwt": Product("koa_jwt.mjs", ("koa-jwt", "jwks-rsa", "koa"), _LIFE),
    "passport-jwt": Product("passport_jwt.mjs", ("passport-jwt", "passport", "jwks-rsa", "express"), _LIFE),
    "jose": Product("jose.mjs", ("jose",), _LIFE),
    "hono/jwk": Product("hono_jwk.mjs", ("hono", "@hono/node-server"), ("--life", "1")),
    "@fastify/jwt, get-jwks": Product("fastify_jwt.mjs", ("@fastify/jwt", "get-jwks", "fastify"), _LIFE),
    "fastify-jwt-jwks": Product("fastify_jwt_jwks.mjs", ("fastify-jwt-jwks", "fastify"), _LIFE),
    "keycloak-connect": Product(
        "keycloak_connect.mjs", ("keycloak-connect", "express"), (*_LIFE, "--dress", "keycloak")
    ),
    "@okta/jwt-verifier": Product(
        "okta_verifier.mjs", ("@okta/jwt-verifier", "express"), (*_LIFE, "--dress", "okta")
    ),
    "ruby-jwt": Product("ruby_jwt.rb", ("ruby-jwt", "ruby-webrick", "ruby"), _LIFE),
    "Crypt::JWT": Product("crypt_jwt.pl", ("libcrypt-jwt-perl", "libmojolicious-perl"), _LIFE),
}
"""Every product by name."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PRODUCTS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "rightkey-drill-others"))
    parser.add_argument("--table", action="store_true")
    chosen = parser.parse_args()
    if chosen.table:
        print(table())
    for name in chosen.names:
        drilled(name, PRODUCTS[name], chosen.work)
    return 0


def drilled(name: str, product: Product, work: Path) -> None:
    """Install a product, drill it, and keep its card."""
    folder = work / product.app
    program = installed(product, folder)
    port = free_port()
    words = ["drill", f"http://127.0.0.1:{port}/me", *product.options, "--json", "--"]
    command = [*program, str(port), *TOLD]
    print(f"# {name}: rightkey {shlex.join([*words, *shown(program, folder), str(port), *TOLD])}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "rightkey", *words, *command], stdout=subprocess.PIPE, text=True, check=False
    )
    document = json.loads(done.stdout)
    line = f"rightkey {shlex.join([*words, *shown(program, folder), str(port), *TOLD])}"
    card = {
        "product": name,
        "version": version(product, folder),
        "command": line.replace(str(port), "8000"),
        "stopped": document["stopped"],
        "seconds": round(document["seconds"]),
        "rows": [{key: row[key] for key in ("name", "kind", "verdict", "told")} for row in document["rows"]],
    }
    CARDS.mkdir(exist_ok=True)
    text = json.dumps(card, indent=1, ensure_ascii=False).replace(str(folder), "")
    (CARDS / f"{product.app}.json").write_text(text + "\n")


def installed(product: Product, folder: Path) -> list[str]:
    """The program that serves it, in a folder of its own."""
    if product.kind == ".py":
        python = folder / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *product.packages], check=True)
        return [str(python), "-W", "ignore", str(APPS / product.app)]
    if product.kind in DEBIAN:
        if subprocess.run(["dpkg", "-s", *product.packages], capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "install", "-y", "-q", *product.packages], check=True)
        return [DEBIAN[product.kind], str(APPS / product.app)]
    if not (folder / "node_modules").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        quiet = ["--silent", "--no-audit", "--no-fund"]
        subprocess.run(["npm", "install", *quiet, *product.packages], cwd=folder, check=True)
    app = folder / product.app  # Node looks for packages beside the program
    app.write_text((APPS / product.app).read_text())
    return ["node", str(app)]


def shown(program: Sequence[str], folder: Path) -> list[str]:
    """The program's words without this machine's folders."""
    return [Path(word).name if "/" in word else word for word in program]


def version(product: Product, folder: Path) -> str:
    """Of the product itself."""
    name = product.packages[0].partition("[")[0]
    if product.kind == ".mjs":
        return str(json.loads((folder / "node_modules" / name / "package.json").read_text())["version"])
    if product.kind in DEBIAN:
        query = ["dpkg-query", "-W", "-f", "${Version}", name]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.partition("-")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def cards() -> list[dict[str, Any]]:
    """Every card that is kept, in the order of the products."""
    files = [CARDS / f"{product.app}.json" for product in PRODUCTS.values()]
    return [json.loads(file.read_text()) for file in files if file.exists()]


def table() -> str:
    """One line for each card: what of each kind passed, and which of what a standard demands did not."""
    lines = [
        "| service | must | advice | refused by an error | not tested | failed, of what a standard demands |"
    ]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for card in cards():
        rows, names = card["rows"], failing(card)
        told = ", ".join(f"`{name}`" for name in names) or "none"
        counts = [tally(rows, "must"), tally(rows, "advice")]
        counts += [str(sum(row["verdict"] == verdict for row in rows)) for verdict in ("error", "skipped")]
        lines.append(f"| {card['product']} {card['version']} | {' | '.join(counts)} | {told} |")
    return "\n".join(lines)


def failing(card: dict[str, Any]) -> list[str]:
    """The rows that a standard demands, and that the service did not pass."""
    rows = [row for row in card["rows"] if row["kind"] == "must"]
    return [row["name"] for row in rows if row["verdict"] in ("failed", "ended")]


def tally(rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Passed of what was tested; a refusal by an error let nothing in."""
    tested = [row["verdict"] for row in rows if row["kind"] == kind and row["verdict"] != "skipped"]
    assert set(tested) <= set(SHOWN)
    return f"{sum(verdict in ('passed', 'error') for verdict in tested)} of {len(tested)}"


if __name__ == "__main__":
    sys.exit(main())

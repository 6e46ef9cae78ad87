"""How a product is installed, each by its own client, and what then serves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.drill.products import Product

APPS = Path(__file__).parent / "apps"


def installed(product: Product, folder: Path) -> list[str]:
    """The program that serves it, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return HOW[product.kind](product, folder)


def _by_pip(product: Product, folder: Path) -> list[str]:
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *product.packages], check=True)
    return [str(python), "-W", "ignore", str(APPS / product.app)]


def _by_npm(product: Product, folder: Path) -> list[str]:
    if not (folder / "node_modules").is_dir():
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        quiet = ["--silent", "--no-audit", "--no-fund"]
        subprocess.run(["npm", "install", *quiet, *product.packages], cwd=folder, check=True)
    app = folder / product.app  # Node looks for packages beside the program
    app.write_text((APPS / product.app).read_text())
    return ["node", str(app)]


def _by_apt(product: Product) -> None:
    if subprocess.run(["dpkg", "-s", *product.packages], capture_output=True, check=False).returncode:
        subprocess.run(["apt-get", "install", "-y", "-q", *product.packages], check=True)


def _script(program: str) -> Callable[[Product, Path], list[str]]:
    """One that is run as it is, by an interpreter."""

    def made(product: Product, folder: Path) -> list[str]:
        _by_apt(product)
        return [program, str(APPS / product.app)]

    return made


def _go(product: Product, folder: Path) -> list[str]:
    _by_apt(product)
    program = folder / product.app.removesuffix(".go")
    cache = {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": str(folder / "cache")}
    build = ["go", "build", "-o", str(program), str(APPS / product.app)]
    subprocess.run(build, env=os.environ | cache, check=True)
    return [str(program)]


def _java(product: Product, folder: Path) -> list[str]:
    _by_apt(product)
    path = f"{folder}:/usr/share/java/*"
    subprocess.run(["javac", "-cp", path, "-d", str(folder), str(APPS / product.app)], check=True)
    return ["java", "-cp", path, "App"]


HOW: Mapping[str, Callable[[Product, Path], list[str]]] = {
    ".py": _by_pip,
    ".mjs": _by_npm,
    ".rb": _script("ruby"),
    ".pl": _script("perl"),
    ".sh": _script("sh"),
    ".go": _go,
    ".java": _java,
}
"""By the end of the app's name."""


def shown(program: Sequence[str], folder: Path) -> list[str]:
    """The program's words without this machine's folders."""
    return [
        word.replace(str(folder), ".") if ":" in word else Path(word).name if "/" in word else word
        for word in program
    ]


def version(product: Product, folder: Path) -> str:
    """Of the product itself."""
    name = product.packages[0].partition("[")[0]
    if product.kind == ".mjs":
        return str(json.loads((folder / "node_modules" / name / "package.json").read_text())["version"])
    if product.kind not in (".py", ".mjs"):
        query = ["dpkg-query", "-W", "-f", "${Version}", name]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.partition("-")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()

"""Builds what is released, twice, and checks that both are the same to the byte.

    python -m release.build [dist]

It is the last commit that is built, in two folders, with its time (SOURCE_DATE_EPOCH) for every file. Beside
sdist and wheel it leaves an SBOM (CycloneDX) of the wheel with what it and its command line require, and the
SHA-256 of each. Anyone with the commit gets the same sdist and wheel. Needs git and the dependency group
`release`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "release" / "constraints.txt"
"""The versions of what builds: their names stand in what is built."""
SUMS = "SHA256SUMS"


def main(folder: Path) -> None:
    """Build into a new folder. Raises SystemExit where two builds differ."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        first, second = (built(Path(work) / name, umask) for name, umask in (("a", 0o022), ("b/c", 0o077)))
        if differing := [name for name in first | second if first.get(name) != second.get(name)]:
            raise SystemExit(f"two builds differ: {', '.join(differing)}")
        for name, content in first.items():
            (folder / name).write_bytes(content)
        wheel = next(folder.glob("*.whl"))
        (folder / f"{wheel.stem}.cdx.json").write_bytes(components(wheel, Path(work) / "installed"))
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())
    ]
    (folder / SUMS).write_text("".join(sums), encoding="ascii")


def built(work: Path, umask: int) -> dict[str, bytes]:
    """The files that are built of the last commit, by name."""
    tree, out = work / "tree", work / "out"
    tree.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(git("archive", "HEAD"))) as archive:
        archive.extractall(tree, filter="data")
    before = os.umask(umask)
    try:
        command = [sys.executable, "-m", "build", "--outdir", out, tree]
        subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    finally:
        os.umask(before)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def environment() -> dict[str, str]:
    """The variables of a build, with the time of the last commit where none is set."""
    time = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct").decode().strip()
    return os.environ | {"SOURCE_DATE_EPOCH": time, "PIP_CONSTRAINT": str(CONSTRAINTS)}


def components(wheel: Path, place: Path) -> bytes:
    """The SBOM of a wheel that is installed by itself, with its command line."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"{wheel}[cli]"], check=True)
    subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "pip", "setuptools"], check=True)
    next(place.rglob("direct_url.json")).unlink()  # where the wheel lay is of no use to others
    about = ["--output-reproducible", "--pyproject", ROOT / "pyproject.toml", "--mc-type", "library"]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *about, python]
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    document["metadata"]["component"]["version"] = wheel.name.split("-")[
        1
    ]  # pyproject.toml leaves it to the build
    return json.dumps(document, indent=2).encode("ascii")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))

"""What is released: the same bytes from the same tree, with what a user needs and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from rightkey.version import __version__

ROOT = Path(__file__).parents[1]
URL = "https://git.example/owner/rightkey"
LEFT = (".git", ".venv", "build", "dist", "node_modules", "__pycache__", ".hypothesis", "*_cache")
"""What runs and tools leave in a tree."""


def built(tree: Path, *, at: int = 1_800_000_000, umask: int = 0o022) -> dict[str, Path]:
    """The sdist and the wheel of a tree, by the end of their names."""
    program = f"import os, runpy, sys; os.umask({umask}); sys.argv = ['hatchling', 'build', '-d', 'out'];"
    subprocess.run(
        [sys.executable, "-c", program + "runpy.run_module('hatchling', run_name='__main__')"],
        cwd=tree,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(at)},
        check=True,
        capture_output=True,
    )
    return {path.suffix: path for path in (tree / "out").iterdir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree."""
    return copied(tmp_path_factory.mktemp("release") / "tree")


def copied(to: Path) -> Path:
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*LEFT))
    return to


@pytest.fixture(scope="module")
def files(tree: Path) -> dict[str, Path]:
    return built(tree)


@pytest.mark.slow
def test_two_builds_are_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    """In another folder, at another time, under another umask."""
    tree = copied(tmp_path / "another" / "place")
    for path in tree.rglob("*.py"):
        os.utime(path, (0, 1_000_000_000))
    again = built(tree, umask=0o077)
    assert {path.name for path in again.values()} == {path.name for path in files.values()}
    for suffix, path in files.items():
        assert path.read_bytes() == again[suffix].read_bytes(), path.name
    later = built(copied(tmp_path / "later"), at=1_900_000_000)
    assert later[".whl"].read_bytes() != files[".whl"].read_bytes()


@pytest.mark.slow
def test_the_wheel_has_the_package_alone(files: dict[str, Path]) -> None:
    """With its types, the page of `inspect` and its licence; without tests; and small."""
    with zipfile.ZipFile(files[".whl"]) as wheel:
        names = set(wheel.namelist())
    info = f"rightkey-{__version__}.dist-info/"
    assert {name.partition("/")[0] for name in names} == {"rightkey", info.strip("/")}
    page = {f"rightkey/cli/inspect/page.{kind}" for kind in ("html", "css", "js")}
    assert {"rightkey/py.typed", f"{info}licenses/LICENSE", *page} <= names
    assert files[".whl"].stat().st_size < 1_000_000
    source = ROOT / "src"
    ours = {str(path.relative_to(source)) for path in (source / "rightkey").rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith(info)} == {
        name for name in ours if not name.endswith(".pyc")
    }


@pytest.mark.slow
def test_the_sdist_has_what_tests_need(files: dict[str, Path]) -> None:
    """And nothing that tools have left."""
    with tarfile.open(files[".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py", "src/rightkey/py.typed"} <= names
    assert not any("node_modules" in name or name.endswith(".pyc") for name in names)


def address(tree: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Say where the repository is."""
    command = [sys.executable, "-m", "release.address", url]
    return subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)


def metadata(tree: Path) -> tuple[dict[str, list[str]], str]:
    """A tree's metadata: its fields, and the text of its page."""
    program = "from hatchling.build import prepare_metadata_for_build_wheel as p; print(p('.'))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tree, check=True, capture_output=True, text=True
    )
    text = (tree / done.stdout.split()[-1] / "METADATA").read_text(encoding="utf-8")
    message = Parser().parsestr(text)
    return {name: message.get_all(name, []) for name in set(message.keys())}, str(message.get_payload())


@pytest.mark.slow
def test_without_an_address_no_link_is_dead(tree: Path) -> None:
    """It is left as words; nothing is said of a repository."""
    fields, page = metadata(tree)
    assert fields["Version"] == [__version__]
    assert "Project-URL" not in fields
    assert [link for link in re.findall(r"\]\((.*?)\)", page) if not link.startswith("https://")] == []
    assert "path.svg" not in page


@pytest.mark.slow
def test_with_an_address_every_link_leads_to_the_release(tmp_path: Path) -> None:
    """By one command, which changes it as well."""
    tree = copied(tmp_path / "tree")
    assert [address(tree, url).returncode for url in ("https://a.example/b", URL)] == [0, 0]
    assert "a.example" not in (tree / "pyproject.toml").read_text(encoding="utf-8")
    fields, page = metadata(tree)
    assert f"Repository, {URL}" in fields["Project-URL"]
    assert f"]({URL}/blob/v{__version__}/docs/start.md)" in page
    assert "![The path" in page
    assert f"]({URL}/raw/v{__version__}/docs/path.svg)\n\n" in page
    assert [link for link in re.findall(r"\]\((.*?)\)", page) if not link.startswith("https://")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["", "http://a.example/b", "https://a.example", "https://a.example/b'", "a/b"]
)
def test_what_is_no_address_is_refused(tree: Path, url: str) -> None:
    """It would be written into a file, which stays as it is."""
    before = (tree / "pyproject.toml").read_bytes()
    done = address(tree, url)
    assert (done.returncode, done.stderr[:12]) == (1, "error: give ")
    assert (tree / "pyproject.toml").read_bytes() == before


@pytest.mark.slow
def test_rules_that_have_changed_are_not_passed_over(tmp_path: Path) -> None:
    """Links would silently stay words."""
    tree = copied(tmp_path / "tree")
    project = tree / "pyproject.toml"
    project.write_text(
        project.read_text(encoding="utf-8").replace("(?!https:)", "(?!http)"), encoding="utf-8"
    )
    assert "rules" in address(tree, URL).stderr


def test_the_workflow_runs_what_was_read() -> None:
    """Each action by its commit; and no job may do more than it says."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    uses = re.findall(r"^ *- uses: (.+)$", text, re.MULTILINE)
    assert len(uses) > 5
    assert [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)] == []
    assert "\npermissions: {}\n" in text
    assert "secrets." not in text


def test_the_pythons_that_are_supported_are_those_of_the_package() -> None:
    """As its classifiers say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = [
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one) for one in project["classifiers"]
    ]
    page = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (3\.\d+) \|", page, re.MULTILINE) == [one[1] for one in said if one]
    assert f"| {__version__.rpartition('.')[0]} | yes |" in page

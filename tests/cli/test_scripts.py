"""The command line as scripts: each file in `cli/` is a command, what it is given, and all that comes of it.

    one sentence: what is promised
    $ rightkey verify {token} --issuer {issuer} --audience {audience}
    misbehaves jwks empty-set           an endpoint of the issuer, and how it goes wrong
    file keys.json {jwks}               a file of this name, in the directory where the command runs
    stdin Bearer {token}
    exit 0
    --- stdout
    --- stderr

Words in braces are of a local issuer on a real socket, made anew for each script: see `words`. `[..]` in what
is expected stands for whatever is there, on one line.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rightkey.cli import run
from rightkey.localissuer import ATTACKS, LocalIssuer
from rightkey.localissuer.keys.selfsigned import pem
from rightkey.sources.jobs import JOBS, Job

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
ANYTHING = "[..]"


@dataclass
class Script:
    """One file, read."""

    promise: str
    command: list[str]
    misbehaves: list[list[str]] = field(default_factory=list)
    files: list[list[str]] = field(default_factory=list)
    stdin: str = ""
    exit: int = 0
    stdout: str = ""
    stderr: str = ""

    @classmethod
    def read(cls, path: Path) -> Script:
        head, _, rest = path.read_text(encoding="utf-8").partition("--- stdout\n")
        stdout, _, stderr = rest.partition("--- stderr\n")
        promise, command, *lines = head.splitlines()
        assert command.startswith("$ rightkey"), path.name
        script = cls(promise, shlex.split(command)[2:], stdout=stdout, stderr=stderr)
        for line in lines:
            script._take(*line.split(" ", 1))
        return script

    def _take(self, word: str, rest: str) -> None:
        if word == "misbehaves":
            self.misbehaves.append(rest.split(" "))
        elif word == "file":
            self.files.append(rest.split(" ", 1))
        elif word == "stdin":
            self.stdin = rest + "\n"
        else:
            assert word == "exit"
            self.exit = int(rest)


def words(issuer: LocalIssuer) -> dict[str, Callable[[], str]]:
    """What a word in braces becomes."""
    attacks = {name: lambda name=name: issuer.attack(name, sub="alice") for name in ATTACKS}
    return attacks | {
        "issuer": lambda: issuer.url,
        "audience": lambda: issuer.audience,
        "kid": lambda: issuer.current.kid,
        "next": lambda: issuer.next.kid,
        "token": lambda: issuer.token(sub="alice", scope="read:appointments"),
        "endless": lambda: issuer.token(sub="alice", exp=None),
        "of-2030": lambda: issuer.token(sub="alice", nbf=1893456000, exp=1893459600),
        "jwks": lambda: json.dumps({"keys": [key.public_jwk() for key in issuer.keys]}),
        "certificate": lambda: pem(issuer.current.certificate or b"").decode(),
        "gone": gone,
    }


def gone() -> str:
    """An issuer that was there a moment ago."""
    with LocalIssuer(algorithm="ES256") as issuer:
        return issuer.url


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


@pytest.fixture
def unhurried(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is, keys do not age, and it is its own bound that ends a request: the command
    waits for it only a little longer."""

    def wait(job: Job, _: float) -> None:
        job.done.result(60)

    for module in ("sources.elapsed", "verifier.locate", "cli.signature_only"):
        monkeypatch.setattr(import_module(f"rightkey.{module}"), "SYSTEM", clock)
    monkeypatch.setattr(JOBS, "wait", wait)


def scripts() -> list[Any]:
    """One that waits for an issuer which never answers waits in real time."""
    return [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem == "locate-hanging"))
        for path in SCRIPTS
    ]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("path", scripts())
def test_script(path: Path, issuer: LocalIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command does what its script says."""
    script, cast = Script.read(path), remembered(words(issuer))
    monkeypatch.chdir(tmp_path)
    for name, content in script.files:
        Path(name).write_text(filled(content, cast), encoding="utf-8")
    for endpoint, fault in script.misbehaves:
        issuer.misbehave(endpoint, fault)
    with CliRunner().isolation(filled(script.stdin, cast)) as (out, err, _):
        code = run([filled(word, cast) for word in script.command])
    said, told = out.getvalue().decode(), err.getvalue().decode()
    assert (like(said, filled(script.stdout, cast)), like(told, filled(script.stderr, cast))) == (said, told)
    assert code == script.exit
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", said + told), "a token is never printed"


def test_there_are_scripts() -> None:
    """The scripts were found."""
    assert len(SCRIPTS) > 20


def remembered(cast: dict[str, Callable[[], str]]) -> Callable[[re.Match[str]], str]:
    known: dict[str, str] = {}

    def word(match: re.Match[str]) -> str:
        name = match[1]
        if name not in known:
            known[name] = cast[name]()
        return known[name]

    return word


def filled(text: str, cast: Callable[[re.Match[str]], str]) -> str:
    return re.sub(r"\{([a-z][a-z0-9-]*)\}", cast, text)


def like(got: str, expected: str) -> str:
    """What was got, where it is as expected; else what was expected, for a difference one can read."""
    pattern = re.escape(expected).replace(re.escape(ANYTHING), "[^\n]*")
    return got if re.fullmatch(pattern, got) else expected

"""What is public is documented, and examples run.

An example is run as it stands, but that an issuer on this machine stands in for tenant.eu.auth0.com. It
finds `raw`, a good token of that issuer, and what the blocks before it on the page have defined.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import click
import pytest

import rightkey
from rightkey import awslc, errors, events
from rightkey.cli.commands import rightkey as command_line
from rightkey.freshness import settings as freshness
from rightkey.integrations import certificates
from rightkey.integrations.challenges import error_of
from rightkey.jose import skipped
from rightkey.jose.algorithms import ALGORITHMS
from rightkey.localissuer import ATTACKS, DRESSES, FAULTS, LocalIssuer
from rightkey.localissuer.documents.wellknown import ENDPOINTS
from rightkey.policy import confirmation, profiles

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STAND_IN = "tenant.eu.auth0.com"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def first_cells(page: str) -> set[str]:
    """What stands in code in the first column of a page's tables."""
    cells = re.findall(r"^\| (`.+?`)(?= \|)", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent.name != "moving" and page.stem not in ("providers", "start")],
    ids=lambda page: page.stem,
)
def test_examples_run(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the first block of a page to its last; one that raises is told with its page and line."""
    monkeypatch.chdir(tmp_path)
    name = f"page_{page.stem}"
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)  # a dataclass looks for its own, and a schema in it
    monkeypatch.setattr(awslc, "ALGORITHMS", dict(ALGORITHMS))  # what a page installs, others do without
    for kept in ("listeners", "meters", "measured"):  # nor do others hear what a page subscribes
        monkeypatch.setattr(events.SUBSCRIBERS, kept, getattr(events.SUBSCRIBERS, kept))
    with LocalIssuer() as issuer:
        names = vars(module)
        names |= {"rightkey": rightkey, "raw": granting_token(issuer)}
        for source in blocks(page.read_text(encoding="utf-8"), "python"):
            run(source.replace(f'"{STAND_IN}"', repr(issuer.url)), names, page.name)
    assert names["rightkey"] is rightkey


def granting_token(issuer: LocalIssuer) -> str:
    """A token that grants what examples require."""
    return issuer.token(sub="auth0|alice", scope="read:appointments write:appointments")


def run(source: str, names: dict[str, Any], where: str) -> None:
    """Run one block, in a loop of asyncio where it awaits."""
    code = compile(source, where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    awaits = code.co_flags & inspect.CO_COROUTINE
    if awaits:
        asyncio.run(eval(code, names))
    else:
        exec(code, names)


STILTED = ("nobody", "whoever", "somebody", "to be had", "in vain", "has no place", "the loud way")
"""Words that make a reader stop; CONTRIBUTING asks for plain English."""


def test_the_english_is_plain() -> None:
    """In what users read: messages and docstrings of the sources, and every page."""
    pages = [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
    stilted = re.compile(rf"\b({'|'.join(STILTED)})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in [*sorted((ROOT / "src").rglob("*.py")), *pages]
        for match in stilted.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_there_are_examples_of_each_face() -> None:
    """So that the test above does not pass for want of blocks."""
    examples = "\n".join(blocks(read("README.md") + read("docs/seed.md"), "python"))
    assert {"rightkey.Verifier(", "await ", "rightkey.locate("} <= set(
        re.findall(r"rightkey\.Verifier\(|await |rightkey\.locate\(", examples)
    )


@pytest.mark.slow
def test_console_sessions_show_what_is_printed() -> None:
    """But for names of keys, thumbprints, dates and the width of columns, which differ from run to run."""
    sessions = blocks(read("README.md"), "console")
    assert sessions
    with LocalIssuer() as issuer:
        for session in sessions:
            command, _, expected = session.partition("\n")
            assert shape(printed(command, issuer)) == shape(expected), command


def printed(command: str, issuer: LocalIssuer) -> str:
    """What a command prints on stdout, with the issuer called by the name it stands in for."""
    prompt, program, *words = shlex.split(command)
    assert (prompt, program) == ("$", "rightkey")
    arguments = [issuer.url if word == STAND_IN else word for word in words[: -2 if "<" in words else None]]
    done = subprocess.run(
        [sys.executable, "-m", "rightkey", *arguments],
        input=granting_token(issuer),
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    return done.stdout.replace(issuer.url, f"https://{STAND_IN}/").replace("127.0.0.1", STAND_IN)


def shape(text: str) -> list[str]:
    return [re.sub(r"[\w-]{11,}|\d+", "#", " ".join(line.split())) for line in text.splitlines()]


def test_every_error_code_is_documented() -> None:
    """With the status that the code's error has."""
    page = read("docs/errors.md")
    assert first_cells(page) == set(errors.CODES)
    for status in (401, 403, 502, 503):
        assert f"| {status} |" in page


def test_every_reason_to_skip_a_key_is_documented() -> None:
    """By the word that `locate` shows."""
    assert set(skipped.SKIP_REASONS) <= first_cells(read("docs/keys.md"))


def test_every_setting_of_freshness_is_documented() -> None:
    """With its default."""
    page = read("docs/freshness.md")
    for setting in fields(freshness.Freshness):
        default = "None" if setting.default is None else f"{setting.default:g}"
        assert f"| `{setting.name}` | {default} |" in page


def test_every_field_of_status_is_documented() -> None:
    """`ready` included, which is worked out."""
    documented = first_cells(read("docs/freshness.md"))
    assert {field.name for field in fields(rightkey.Status)} | {"ready"} <= documented


def test_every_event_is_documented() -> None:
    """With its data."""
    rows = {
        line.split("`")[1]: line for line in read("docs/events.md").splitlines() if line.startswith("| `")
    }
    for event in get_args(events.Event):
        assert all(f"`{field.name}`" in rows[event.__name__] for field in fields(event)), event


def test_every_reason_to_refuse_a_proof_is_documented() -> None:
    """With what a challenge calls it; and every setting of proofs, with its default."""
    page = read("docs/dpop.md")
    for reason in confirmation.REASONS:
        error = errors.TokenRejected("proof_rejected", "no", reason=reason)
        assert re.search(rf"^\| `{reason}` \| .* \| `{error_of(error)}` \|$", page, re.MULTILINE), reason
    assert {field.name for field in fields(rightkey.DPoP)} <= first_cells(page)
    assert set(certificates.FORMS) <= first_cells(page)
    for name in ("max_age", "ahead"):
        assert f"| `{name}` | {getattr(rightkey.DPoP(), name):g} |" in page


def test_every_profile_is_documented() -> None:
    """By name."""
    assert set(profiles.PROFILES) <= first_cells(read("docs/decisions.md"))


def test_every_dress_fault_attack_and_endpoint_is_documented() -> None:
    """Of the local issuer."""
    page = read("docs/local-issuer.md")
    assert {*DRESSES, *FAULTS, *ATTACKS} <= first_cells(page)
    assert all(f"`{endpoint}`" in page for endpoint in ENDPOINTS)


def test_every_command_and_option_is_documented() -> None:
    """In a section of its own; and nothing is documented that does not exist."""
    page = read("docs/cli.md")
    sections = dict(re.findall(r"^## `rightkey (\w+).*?`\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    documented = {
        name: {cell.partition(" ")[0] for cell in first_cells(section)} for name, section in sections.items()
    }
    assert documented == {name: set(options_of(command)) for name, command in commands()}


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command_line)
    for name in command_line.list_commands(context):
        command = command_line.get_command(context, name)
        assert command is not None
        yield name, command


def options_of(command: click.Command) -> Iterator[str]:
    """Of a command, and of those below it."""
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from options_of(below)
    for option in command.params:
        if isinstance(option, click.Option):
            yield from (*option.opts, *option.secondary_opts)


def test_the_readmes_outcomes_are_those_that_were_measured() -> None:
    """And saved; `tests/bench/test_figures.py` holds the figures of speed below them."""
    page = read("README.md").partition("\n## Measured\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in page.splitlines() if line.endswith("` |")]
    figures = json.loads(read("docs/benchmarks/staying.json"))["figures"]
    staying = {name: [*scenes.values()] for name, scenes in figures.items()}
    assert f"in {len(staying['rightkey'])} rotations" in page
    good = {name: (total(of, "refused"), total(of, "good")) for name, of in staying.items()}
    bad = {name: sum(len(one["accepted"]) for one in of) for name, of in staying.items()}
    others = [name for name in staying if not name.startswith("rightkey")]
    assert len(others) == 8
    assert {refused for name, (refused, _) in good.items() if name not in others} == {0}
    assert {count for name, count in bad.items() if name not in others} == {0}
    shares = sorted(100 * good[name][0] / good[name][1] for name in others)
    accepted = sorted(bad[name] for name in others)
    assert [row[1:-1] for row in rows[:2]] == [
        [f"none of {good['rightkey'][1]}", f"{shares[0]:.0f} to {shares[-1]:.0f} %"],
        [f"none of {total(staying['rightkey'], 'bad')}", f"{accepted[0]} to {accepted[-1]}"],
    ]


def total(scenes: list[dict[str, Any]], what: str) -> int:
    return sum(scene[what] for scene in scenes)


def test_commands_have_no_comments() -> None:
    """In zsh as it comes, what is typed after `#` is arguments: `drill --list # every exercise` fails."""
    commented = re.compile(r"(?:^|\s)#")
    for page in [*PAGES, *sorted((ROOT / "examples").rglob("*.md")), ROOT / "CONTRIBUTING.md"]:
        for block in blocks(page.read_text(encoding="utf-8"), "sh"):
            assert not commented.search(block), f"{page.name}: {block}"


def test_each_framework_page_says_what_to_install() -> None:
    """A reader who comes from a search sees that page alone."""
    rows = re.findall(
        r"^\| .* \| `(rightkey.*?)`.* \| \[\w+\]\((frameworks/\w+\.md)\) \|$",
        read("docs/frameworks.md"),
        re.M,
    )
    assert len(rows) == len([*(ROOT / "docs" / "frameworks").glob("*.md")])
    for package, page in rows:
        assert f"pip install {shlex.quote(package)}" in read(f"docs/{page}"), page


def test_links_lead_somewhere() -> None:
    """Between the project's own pages."""
    for page in [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_set_up_is_two_lines() -> None:
    """The first runs the demo, the second the tests; each makes what it needs."""
    demo, tests, *_ = blocks(read("README.md"), "sh")
    assert [demo.count("\n"), tests.count("\n")] == [1, 1]
    assert demo.startswith("python3 -m venv ")
    assert demo.rstrip().endswith("rightkey demo")
    assert tests.startswith("python3 -m venv ")
    assert "pytest" in tests

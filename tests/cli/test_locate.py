"""`rightkey locate --save`: a copy of the keys, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rightkey.cli import commands
from rightkey.cli.errors import BadUse
from rightkey.cli.files import replace
from rightkey.localissuer import LocalIssuer
from rightkey.sources.copies import copy_in


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer(algorithm="ES256") as issuer:
        yield issuer


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(commands.rightkey, ["locate", *arguments], standalone_mode=False)


def test_the_copy_is_written_and_told(issuer: LocalIssuer, tmp_path: Path) -> None:
    """In both forms of output; any process of the host may read it, whatever the umask says."""
    path = tmp_path / "keys.json"
    before = os.umask(0o077)
    try:
        done = ran(issuer.url, "--save", str(path), "--json")
    finally:
        os.umask(before)
    assert json.loads(done.stdout)["saved"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    copy = copy_in(path)
    assert copy is not None
    assert [key.kid for key in copy.keys] == [key.kid for key in issuer.keys]
    assert f"saved     {path}" in ran(issuer.url, "--save", str(path)).stdout
    assert "saved" not in json.loads(ran(issuer.url, "--json").stdout)
    assert [one.name for one in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("fault", ["html", "empty-set"])
def test_without_a_key_the_file_stays_as_it_was(fault: str, issuer: LocalIssuer, tmp_path: Path) -> None:
    """An outage replaces nothing, and neither does a set without a key."""
    path = tmp_path / "keys.json"
    path.write_text("the one before", encoding="utf-8")
    issuer.misbehave("jwks", fault)
    try:
        done = ran(issuer.url, "--save", str(path))
    finally:
        issuer.behave()
    assert done.return_value == 3
    assert path.read_text(encoding="utf-8") == "the one before"


def test_what_cannot_be_written_leaves_nothing_behind(issuer: LocalIssuer, tmp_path: Path) -> None:
    """A folder that is not there, a folder in the file's place, a name that is none."""
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "no" / "keys.json", tmp_path / "folder", tmp_path / "a\0b"):
        done = ran(issuer.url, "--save", str(path))
        assert isinstance(done.exception, BadUse)
        with pytest.raises(BadUse):
            replace(str(path), b"keys", 0o644)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_what_is_no_file_stays_what_it_is(issuer: LocalIssuer, tmp_path: Path) -> None:
    """A device, a pipe or a link in the file's place: root could replace `/dev/stdout` by a file."""
    kept, link, pipe = tmp_path / "kept.json", tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to(kept)
    assert ran(issuer.url, "--save", str(link)).return_value == 0
    assert link.is_symlink()
    assert copy_in(kept) is not None
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace(str(pipe), b"keys", 0o644)
        assert os.read(reader, 10) == b"keys"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    assert isinstance(ran(issuer.url, "--save", str(full)).exception, BadUse)
    assert stat.S_ISCHR(full.stat().st_mode)


def test_a_copy_that_no_reader_would_take_is_not_written(
    issuer: LocalIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of keys has its bound, and JSON may be longer than what the issuer wrote."""
    monkeypatch.setattr(import_module("rightkey.cli.locate"), "MAX_BYTES", 10)
    done = ran(issuer.url, "--save", str(tmp_path / "keys.json"))
    assert isinstance(done.exception, BadUse)
    assert [*tmp_path.iterdir()] == []

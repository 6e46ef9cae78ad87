"""Files with keys: every form, one file or many, and how a change is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable
from rightkey.jose.keyset import KeySet
from rightkey.localissuer.keys.signing import SigningKey
from rightkey.sources.files import MAX_BYTES, MAX_FILES, read, shown, stamps

Signer = Callable[..., SigningKey]


def pem(key: SigningKey) -> str:
    public = key.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_all(path: Path) -> KeySet:
    return KeySet.union(read(file, file != path) for file in stamps(path))


def test_every_form_is_read(tmp_path: Path, signer: Signer) -> None:
    """A set, one key, a map of PEM, and PEM."""
    key = signer("ES256")
    forms = [{"keys": [key.public_jwk()]}, key.public_jwk(), {"k": pem(key)}]
    for number, text in enumerate([*map(json.dumps, forms), "a comment\n" + pem(key)]):
        path = tmp_path / str(number)
        path.write_text(text)
        assert [one.kid for one in read_all(path)] == ["k" if number < 3 else None]


def test_a_directory_is_read_file_by_file(tmp_path: Path, signer: Signer) -> None:
    """What is in PEM is named by its file, but for a suffix of its kind; a key set names its own."""
    for name in ("a.pem", "b.b", "c.CRT"):
        (tmp_path / name).write_text(pem(signer("ES256", name)))
    (tmp_path / "set.json").write_text(json.dumps({"keys": [signer("RS256", "own").public_jwk()]}))
    (tmp_path / ".hidden").write_text("no keys")
    (tmp_path / "inner").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert [key.kid for key in read_all(tmp_path)] == ["a", "b.b", "c", "own"]


def test_what_cannot_be_read_says_which(tmp_path: Path) -> None:
    """And whose fault it is: nothing there, or nothing of use in it."""
    with pytest.raises(IssuerUnavailable, match="nowhere: no such file"):
        read_all(tmp_path / "nowhere")
    with pytest.raises(IssuerUnavailable, match="no file in the directory"):
        read_all(tmp_path)
    with pytest.raises(IssuerUnavailable, match="not a file's name"):
        stamps(Path("a\0b"))
    with pytest.raises(IssuerUnavailable, match=r"a\\nb: no such file"):
        read(tmp_path / "a\nb")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IssuerMisbehaved, match="pipe: neither a regular file nor a directory"):
        stamps(tmp_path / "pipe")
    for text, why in (
        ("[]", "not a JSON object"),
        ('{"keys": []}', "it is empty"),
        (" " * (MAX_BYTES + 1), "over"),
    ):
        (tmp_path / "file").write_text(text)
        with pytest.raises(IssuerMisbehaved, match=why) as caught:
            read_all(tmp_path)
        assert str(tmp_path / "file") in str(caught.value)
    for number in range(MAX_FILES):
        (tmp_path / str(number)).touch()
    with pytest.raises(IssuerMisbehaved, match=f"over {MAX_FILES} files"):
        stamps(tmp_path)


def test_a_change_is_told_though_times_are_kept(tmp_path: Path) -> None:
    """Another inode, another size, or the same with its old time put back."""
    path, other = tmp_path / "keys", tmp_path / "other"
    path.write_text("a")
    first = stamps(path)
    assert stamps(path) == first
    before = path.stat()
    other.write_text("b")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert stamps(path) != first


@pytest.mark.parametrize(
    "name", ["keys.json", "/run/keys.d", "./a.b.c", "~/keys", "production.jwks.json", "/" + "a" * 80]
)
def test_a_path_is_shown(name: str) -> None:
    """As it was given."""
    assert shown(Path(name)) == name.removeprefix("./")


@pytest.mark.parametrize(
    "held", ['{"d": "hunter2"}', "-----BEGIN hunter2", "eyJhbGciOiJIUzI1NiJ9.hunter2.x", "hunter2" + "A" * 60]
)
def test_what_is_no_path_is_not_shown(held: str) -> None:
    """Keys and tokens are given where the name of their file is asked for."""
    assert "hunter2" not in shown(Path(held))
    with pytest.raises(IssuerUnavailable) as caught:
        read(Path(held))
    assert "hunter2" not in str(caught.value)

"""`rightkey distrust`: the store has it, or the command fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.cli import run
from rightkey.stores.local import DirectoryStore

ISSUER = "https://issuer.example/"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store."""
    return f"file://{tmp_path}/store"


def test_the_store_has_it(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the issuer's identity, however it is spelt; the store may be in the environment."""
    assert run(["distrust", ISSUER, "kid", "--store", url]) == 0
    assert "kid of https://issuer.example" in capsys.readouterr().err
    monkeypatch.setenv("RIGHTKEY_STORE", url)
    assert run(["distrust", "issuer.example", "kid", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "issuer": "https://issuer.example",
        "key": "kid",
        "store": url,
    }
    assert len(list(DirectoryStore(url.removeprefix("file://")).records())) == 1


def test_a_store_that_does_not_take_it_is_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must not look as if the key were refused."""
    DirectoryStore(str(tmp_path / "store"))
    (tmp_path / "store" / "distrusted").mkdir()
    assert run(["distrust", ISSUER, "kid", "--store", url]) == 2
    assert "nothing is distrusted" in capsys.readouterr().err


def test_the_public_key_alone_distrusts_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the one who writes may."""
    public = Ed25519PrivateKey.generate().public_key()
    file = tmp_path / "public.pem"
    file.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert run(["distrust", ISSUER, "kid", "--store", url, "--store-secret-file", str(file)]) == 2
    assert "cannot distrust" in capsys.readouterr().err


def test_a_store_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no default."""
    assert run(["distrust", ISSUER, "kid"]) == 2
    assert "--store" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["distrust", "deny"])
@pytest.mark.parametrize(
    ("issuer", "why"),
    [
        ("", "it is empty"),
        (" https://issuer.example/", "white space"),
        ("https://issuer.example/ ", "white space"),
        ("'https://issuer.example/'", "in quotes"),
        ("https://$TENANT/", "placeholder"),
        ("eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl", "it holds a token"),
    ],
)
def test_what_names_no_issuer_is_told(
    command: str, issuer: str, why: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing would be refused, and it must not look as if it were. What was given is not repeated."""
    what = ["kid"] if command == "distrust" else ["--sub", "alice"]
    assert run([command, issuer, *what, "--store", url]) == 2
    told = capsys.readouterr().err
    assert why in told
    assert "c2ln" not in told


def test_a_key_must_be_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As an empty variable names none; an issuer may have words in its name."""
    assert run(["distrust", ISSUER, "", "--store", url]) == 2
    assert "key id" in capsys.readouterr().err
    assert run(["distrust", "Example authority, Ltd.", "kid", "--store", url]) == 0

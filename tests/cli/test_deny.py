"""`rightkey deny`: the store has it, or the command fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rightkey.cli import run
from rightkey.sources.fleets import fleet_of
from rightkey.stores.local import DirectoryStore

ISSUER = "https://issuer.example/"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store."""
    return f"file://{tmp_path}/store"


def test_the_store_has_it(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the issuer's identity, however it is spelt; nothing of the subject can be read there."""
    times = ["--before", "1000", "--until", "4000000000"]
    assert run(["deny", ISSUER, "--sub", "alice", *times, "--store", url]) == 0
    told = capsys.readouterr().err
    assert "tokens of https://issuer.example" in told
    assert "alice" not in told
    assert run(["deny", "issuer.example", "--sid", "s1", "--json", "--store", url]) == 0
    assert json.loads(capsys.readouterr().out)["before"] is None
    assert run(["deny", "issuer.example", "--before", "2026-01-01", "--json", "--store", url]) == 0
    assert json.loads(capsys.readouterr().out)["before"] == 1767225600
    assert len(set(DirectoryStore(str(tmp_path / "store")).denied(None).records)) == 3
    assert b"alice" not in (tmp_path / "store" / "denied").read_bytes()
    fleet = fleet_of(url)
    assert fleet is not None
    fleet.denials().poll()
    reason = fleet.denials().denied.reason(["https://issuer.example"], {"sub": "alice", "iat": 1e10}, 2e9)
    assert reason is None
    assert fleet.denials().denied.reason(["https://issuer.example"], {"sid": "s1", "iat": 1e10}, 1e9)


@pytest.mark.parametrize("asked", [[], ["--sid", "s", "--sub", "a"], ["--sid", ""]])
def test_one_thing_is_named(asked: list[str], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not all tokens of the issuer by mistake."""
    assert run(["deny", ISSUER, *asked, "--store", url]) == 2
    assert "sid" in capsys.readouterr().err


def test_a_store_that_does_not_take_it_is_told(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must not look as if the tokens were refused."""
    DirectoryStore(str(tmp_path / "store"))
    (tmp_path / "store" / "denied").mkdir()
    assert run(["deny", ISSUER, "--sid", "s1", "--store", url]) == 2
    assert "nothing is denied" in capsys.readouterr().err


def test_the_public_key_alone_denies_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the one who writes may."""
    public = Ed25519PrivateKey.generate().public_key()
    file = tmp_path / "public.pem"
    file.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert run(["deny", ISSUER, "--sid", "s", "--store", url, "--store-secret-file", str(file)]) == 2
    assert "cannot deny" in capsys.readouterr().err

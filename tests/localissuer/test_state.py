"""What the local issuer remembers from run to run."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rightkey.localissuer import Client, LocalIssuer, LocalIssuers
from rightkey.localissuer.state import InFile, InMemory, Shelf


@pytest.fixture(params=["memory", "file"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return InMemory() if request.param == "memory" else InFile(tmp_path / "state.db")


def test_documents_are_kept_by_kind_and_id(shelf: Shelf) -> None:
    """A later one replaces the former; a dict is not shared with the shelf."""
    document = {"a": [1]}
    shelf.put("code", "x", document)
    document["a"].append(2)
    shelf.put("client", "x", {"b": 1})
    shelf.put("client", "y", {"b": 2})
    shelf.put("client", "x", {"b": 3})
    assert shelf.get("code", "x") == {"a": [1]}
    assert shelf.get("code", "y") is None
    assert shelf.all("client") == {"x": {"b": 3}, "y": {"b": 2}}
    for _ in range(2):
        shelf.drop("client", "x")
    assert shelf.all("client") == {"y": {"b": 2}}
    assert shelf.get("code", "x") == {"a": [1]}


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    """There are private keys in it."""
    file = tmp_path / "state.db"
    LocalIssuer(algorithm="ES256", state=file).rotate()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_issuers_that_share_a_file_share_nothing_in_it(tmp_path: Path) -> None:
    """Each has its own keys, by its name, also after a restart."""
    file = tmp_path / "state.db"
    kids = []
    for _ in range(2):
        with LocalIssuers(algorithm="ES256", state=file) as issuers:
            kids.append([issuers[name].current.kid for name in ("", "acme", "other")])
    assert kids[0] == kids[1]
    assert len(set(kids[0])) == 3


def test_clients_are_kept(tmp_path: Path) -> None:
    """With those that were listed later."""
    file = tmp_path / "state.db"
    LocalIssuer(algorithm="ES256", state=file, clients=[Client("a", "s", ("http://a/",))])
    again = LocalIssuer(algorithm="ES256", state=file, clients=[Client("b")])
    assert again.clients.names() == ["a", "b"]
    assert again.clients.find("a") == Client("a", "s", ("http://a/",))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    file = tmp_path / "notes.txt"
    file.write_text("these are my notes\n" * 100)
    with pytest.raises(ValueError, match=r"notes\.txt: file is not a database"):
        InFile(file)
    assert file.read_text().startswith("these are my notes")
    with pytest.raises(OSError, match="No such file or directory"):
        InFile(tmp_path / "nowhere" / "state.db")

"""Where the gateway listens."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from rightkey import Misconfigured
from rightkey.gateway.address import Address


@pytest.mark.parametrize("said", ["127.0.0.1:9090", "[::1]:9090", "localhost:0", "unix:/run/a.sock"])
def test_an_address_is_read_and_shown(said: str) -> None:
    """As it is written."""
    assert str(Address.of(said)) == said


@pytest.mark.parametrize(
    "said", ["9090", ":9090", "a:b", "a:65536", "::1:9090", "unix:relative", "", None, 9090]
)
def test_what_is_no_address_is_told(said: Any) -> None:
    """With one that is."""
    with pytest.raises(Misconfigured, match="is not an address to listen on"):
        Address.of(said)


def test_one_that_is_taken_is_told(tmp_path: Path) -> None:
    """And one that is not this machine's."""
    with Address.of("127.0.0.1:0").bind() as sock, pytest.raises(Misconfigured, match="in use"):
        Address("127.0.0.1", sock.getsockname()[1]).bind()
    with pytest.raises(Misconfigured, match=r"cannot listen on 192\.0\.2\.1:1"):
        Address.of("192.0.2.1:1").bind()
    with pytest.raises(Misconfigured, match="cannot listen on unix:"):
        Address(path=str(tmp_path / "missing" / "a.sock")).bind()


def test_a_unix_socket_that_was_left_behind_is_taken_over(tmp_path: Path) -> None:
    """One that answers is not, nor is a file of another kind."""
    address = Address(path=str(tmp_path / "a.sock"))
    address.bind().close()
    with address.bind() as sock:
        assert sock.family is socket.AF_UNIX
        with pytest.raises(Misconfigured, match="in use"):
            address.bind()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(Misconfigured, match="in use"):
        Address(path=str(tmp_path / "file")).bind()
    assert (tmp_path / "file").read_text() == "kept"
    with Address.of("[::1]:0").bind() as sock:
        assert sock.family is socket.AF_INET6

"""One moment at which everything ends, whatever is slow."""

from __future__ import annotations

import pytest
from tests.transport.conftest import SLOW, Authority, Serve, dripping, late

from rightkey.transport.default import DefaultTransport

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_proxies")]


@pytest.mark.parametrize("slow", SLOW)
def test_everything_ends_at_the_deadline(serve: Serve, slow: str) -> None:
    """Whatever is slow, and however little comes at a time: one bound, and the socket is closed."""
    server = serve(SLOW[slow])
    assert "127.0.0.1" in str(late(server, server.url))
    assert server.saw_close.wait(20)


def test_a_dripped_body_ends_at_the_deadline_over_tls(serve: Serve, authority: Authority) -> None:
    server = serve(SLOW["body"], tls=authority.server)
    late(server, server.url, DefaultTransport(authority.file))
    assert server.saw_close.wait(20)


@pytest.mark.parametrize("drop", [b"", b"\x00"])
def test_a_handshake_ends_at_the_deadline(serve: Serve, drop: bytes) -> None:
    """A record of 16 KiB, dripped byte by byte, and one that never comes."""
    server = serve(dripping(b"\x16\x03\x03\x40\x00", drop), greedy=False)
    late(server, f"https://localhost:{server.port}/")
    assert server.saw_close.wait(20)

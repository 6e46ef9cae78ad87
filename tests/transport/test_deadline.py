"""One moment at which everything ends, whatever is slow."""

from __future__ import annotations

import pytest
from tests.transport.conftest import SLOW, Authority, Serve, dripping, failed

from rightkey.transport.default import DefaultTransport

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_proxies")]


@pytest.mark.parametrize("slow", SLOW)
def test_everything_ends_at_the_deadline(serve: Serve, slow: str) -> None:
    """Whatever is slow, and however little comes at a time: one bound, and the socket is closed."""
    server = serve(SLOW[slow])
    error = failed(server.url, timeout=0.3)
    assert (error.reason, "0.3 s" in str(error), "127.0.0.1" in str(error)) == ("timeout", True, True)
    assert server.saw_close.wait(20)


def test_a_dripped_body_ends_at_the_deadline_over_tls(serve: Serve, authority: Authority) -> None:
    server = serve(SLOW["body"], tls=authority.server)
    assert failed(server.url, DefaultTransport(authority.file), timeout=0.4).reason == "timeout"
    assert server.saw_close.wait(20)


@pytest.mark.parametrize("drop", [b"", b"\x00"])
def test_a_handshake_ends_at_the_deadline(serve: Serve, drop: bytes) -> None:
    """A record of 16 KiB, dripped byte by byte, and one that never comes."""
    server = serve(dripping(b"\x16\x03\x03\x40\x00", drop), greedy=False)
    assert failed(f"https://localhost:{server.port}/", timeout=0.3).reason == "timeout"
    assert server.saw_close.wait(20)

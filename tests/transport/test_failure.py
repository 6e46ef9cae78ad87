"""What an exception of a socket or of TLS means, in one word and one sentence."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from tests.transport.conftest import Serve, failed, ok, saying, unused_port

pytestmark = pytest.mark.usefixtures("no_proxies")


def test_a_refused_connection() -> None:
    error = failed(f"http://127.0.0.1:{unused_port()}/")
    assert (error.reason, "127.0.0.1 refused" in str(error)) == ("refused", True)


def test_an_unreachable_address() -> None:
    """The broadcast address: no TCP connection leads there."""
    assert failed("https://255.255.255.255/").reason == "unreachable"


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".example"])
def test_a_name_that_is_none(host: str) -> None:
    error = failed(f"https://{host}/")
    assert (error.reason, host in str(error)) == ("dns", True)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_reset(serve: Serve, begin: bytes) -> None:
    """Before the answer, or in the middle of its body."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(begin)
        time.sleep(0.05)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # closing sends RST
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()

    assert failed(serve(answer).url).reason == "reset"


def test_a_header_that_cannot_be_sent_is_not_quoted(serve: Serve) -> None:
    """Nothing but ExchangeFailed leaves, and its message repeats no value."""
    error = failed(serve(saying(ok())).url, headers={"Accept": "unsent\r\nX: y"})
    assert (error.reason, "ValueError" in str(error), "unsent" in str(error)) == ("protocol", True, False)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_https_to_a_port_that_does_not_speak_it(said: bytes) -> None:
    """OpenSSL calls it a wrong version number; what to do is to look at the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65_536)
                sock.sendall(said)

        (thread := threading.Thread(target=answer)).start()
        error = failed(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert (error.reason, "plain http there" in str(error)) == ("tls", True)

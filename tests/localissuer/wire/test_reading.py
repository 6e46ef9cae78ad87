"""What the local issuer reads from a socket."""

from __future__ import annotations

import socket

import pytest

from rightkey.localissuer.answers import Request
from rightkey.localissuer.wire.reading import BadRequest, read_request


def read(octets: bytes) -> Request | None:
    """What these octets are."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(octets)
        there.shutdown(socket.SHUT_WR)
        return read_request(here)


def test_a_request() -> None:
    """Names of headers are in lower case; without Host there is an empty one, which names nothing."""
    assert read(
        b"POST /a?b=c HTTP/1.1\r\nHost:  x.example \r\nX-A: B\r\nContent-Length: 2\r\n\r\nhi!"
    ) == Request("POST", "/a?b=c", {"host": "x.example", "x-a": "B", "content-length": "2"}, b"hi")
    assert read(b"GET / HTTP/1.0\r\n\r\n") == Request("GET", "/", {"host": ""})


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://a.example/x?y=http://b.example/", "a.example", "/x?y=http://b.example/"),
        ("HTTP://A.example:80", "A.example:80", "/"),
        ("https://a.example?x=1", "a.example", "/?x=1"),
        ("http://u@a.example/", "u@a.example", "/"),
        ("http:///x", "", "/x"),
        ("/http://a.example/", "h.example", "/http://a.example/"),
        ("//a.example/x", "h.example", "//a.example/x"),
        ("ftp://a.example/", "h.example", "ftp://a.example/"),
        ("*", "h.example", "*"),
    ],
)
def test_a_target_in_absolute_form_names_the_host(target: str, host: str, path: str) -> None:
    """RFC 9112, section 3.2.2."""
    found = read(f"GET {target} HTTP/1.1\r\nHost: h.example\r\n\r\n".encode())
    assert found is not None
    assert (found.headers["host"], found.target) == (host, path)


@pytest.mark.parametrize("second", ["Host: a.example", "host: b.example", "HOST:"])
def test_several_hosts_are_a_bad_request(second: str) -> None:
    """Whichever a proxy believed (RFC 9112, section 3.2)."""
    with pytest.raises(BadRequest, match="one Host header"):
        read(f"GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n{second}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "octets",
    [b"", b"\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"],
)
def test_what_is_no_request(octets: bytes) -> None:
    """Is not answered."""
    assert read(octets) is None

"""The names of a local issuer."""

from __future__ import annotations

import pytest

from rightkey.localissuer.wire.names import Name, Names, is_local, name_of


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("a.example", ("a.example", 80)),
        ("A.Example:8080", ("a.example", 8080)),
        ("[::1]:9", ("::1", 9)),
        ("[0:0:0:0:0:0:0:1]", ("::1", 80)),
        ("127.0.0.1:0080", ("127.0.0.1", 80)),
        ("[::1", None),
        ("[:::]", None),
        ("::1", None),
        ("a b", None),
        ("a.example:", None),
        ("a.example:99999999", None),
        ("a.example:٨٠", None),
        ("user@a.example", None),
        ("a.example/", None),
        ("a.example\n", None),
        ("", None),
    ],
)
def test_a_host_header_is_a_host_and_a_port(authority: str, name: tuple[str, int] | None) -> None:
    """In lower case, an IPv6 address in one form; everything else is no name."""
    assert name_of(authority, "http") == name


def test_the_port_may_be_the_schemes_own() -> None:
    """A scheme that is not HTTP's has none."""
    assert name_of("a.example", "https") == Name("a.example", 443)
    assert name_of("a.example", "ftp") is None


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("app.test", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("mylocalhost", False),
        ("localhost.example", False),
        ("nottest", False),
        ("10.0.0.1", False),
        ("a.example", False),
    ],
)
def test_what_is_on_this_machine(host: str, local: bool) -> None:
    """Loopback, and names that cannot be registered."""
    assert is_local(host) is local


def test_an_identifier_and_a_listener() -> None:
    """Both have a scheme of their own: a proxy speaks https, and this machine http."""
    names = Names(lambda: "https://a.example", lambda name: name == ("localhost", 8000))
    assert [names.own_host(host) for host in ("a.example", "A.EXAMPLE:443", "localhost:8000")] == [True] * 3
    assert [names.own_host(host) for host in ("a.example:80", "localhost", "x:8000", "")] == [False] * 4
    own = ("https://a.example", "http://localhost:8000")
    assert [names.own_origin(origin) for origin in own] == [True] * 2
    foreign = ("http://a.example", "https://localhost:8000", "null", "", "https://a.example/")
    assert [names.own_origin(origin) for origin in foreign] == [False] * 5

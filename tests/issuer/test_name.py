"""An issuer: what may name one, how it is compared, and where its metadata is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.errors import Misconfigured
from rightkey.issuer.name import Issuer, is_loopback, url_fault


def test_a_url_is_compared_letter_by_letter() -> None:
    """It stands for itself alone: the slash and the letter case count (Discovery, section 4.3)."""
    for name in ("https://issuer.example", "https://issuer.example/", "HTTPS://Issuer.example/T"):
        assert Issuer.parse(name).spellings == (name,)


@pytest.mark.parametrize(
    "name", ["tenant.eu.auth0.com", "issuer.example:8443", "issuer.example/t", "[::1]:8443"]
)
def test_a_domain_stands_for_two_spellings(name: str) -> None:
    """With and without the slash at the end."""
    for given_ in (name, f"{name}/"):
        issuer = Issuer.parse(given_)
        assert (issuer.name, issuer.spellings) == (given_, (f"https://{name}", f"https://{name}/"))


@pytest.mark.parametrize(
    ("name", "openid", "oauth"),
    [
        ("a.example", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        ("https://a.example", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration", "https://a.example{}"),
        (
            "https://a.example:8443/t/1/",
            "https://a.example:8443/t/1/.well-known/openid-configuration",
            "https://a.example:8443{}/t/1",
        ),
        ("http://[::1]:80/t", "http://[::1]:80/t/.well-known/openid-configuration", "http://[::1]:80{}/t"),
    ],
)
def test_where_the_metadata_is(name: str, openid: str, oauth: str) -> None:
    """OpenID's path is appended (section 4.1), OAuth's inserted behind the host (RFC 8414, section 3.1)."""
    expected = (openid, oauth.format("/.well-known/oauth-authorization-server"))
    assert Issuer.parse(name).metadata_urls == expected


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1",
        "http://127.255.255.254:5000/t",
        "http://[::1]:5000",
        "http://localhost:5000",
        "http://LOCALHOST",
        "HTTP://localhost",
    ],
)
def test_http_where_the_issuer_is_this_machine(name: str) -> None:
    """Loopback needs no TLS."""
    assert Issuer.parse(name).spellings == (name,)


REFUSED = {
    "plain http": [
        "http://issuer.example",
        "http://128.0.0.1",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.1",
        "http://[::2]",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://localhost.",
    ],
    "only https": [
        "ftp://issuer.example",
        "file:///etc/passwd",
        "javascript://issuer.example",
        "://issuer.example",
    ],
    "user name": [
        "https://127.0.0.1@evil.example",
        "https://user:secret@issuer.example",
        "https://@issuer.example",
        "user@issuer.example",
    ],
    "fragment": [
        "https://issuer.example/#a",
        "https://issuer.example#",
        "issuer.example#",
        "https://issuer.example/?#",
    ],
    "query": [
        "https://issuer.example/?a=b",
        "https://issuer.example?",
        "issuer.example?",
        "https://issuer.example/?",
    ],
    "characters": [
        "https://issuer.example\\@evil.example",
        "https://issuer.example/\n",
        "https://issuer.example/\x00",
        " https://issuer.example",
        "https://issuer.example/a b",
        "https://bücher.example",
        "https://issuer。example",
        "https://issuer.example:８",
    ],
    "host name": [
        "",
        "https://",
        "https:///t",
        "https://:8443",
        "https://.issuer.example",
        "https://issuer..example",
        "https://issuer.example.",
        "https://issuer.example:",
        "https://issuer;example",
        "https://*.issuer.example",
        "https://%69ssuer.example",
    ],
    "issuer '": [
        "https://issuer.example:99999",
        "https://issuer.example:x",
        "https://issuer.example:-1",
        "https://[::1",
        "https://::1",
        "https://[::1]evil.example",
        "http://[::1]evil.example",
        "http://[::1]@evil.example",
        "https://a[::1]",
        "https://[v1.a]",
        "https:issuer.example",
    ],
}


@pytest.mark.parametrize(
    ("why", "name"), [(why, name) for why, names in REFUSED.items() for name in names], ids=ascii
)
def test_what_is_no_issuer(why: str, name: str) -> None:
    """Each is refused when the object is built, and for its own reason."""
    with pytest.raises(Misconfigured, match=why):
        Issuer.parse(name)


@pytest.mark.parametrize("name", [None, 5, b"issuer.example", ["issuer.example"]])
def test_a_name_is_a_string(name: Any) -> None:
    """Another type is a setting that is wrong, and is named."""
    with pytest.raises(Misconfigured, match=type(name).__name__):
        Issuer.parse(name)


def test_a_query_has_its_place_elsewhere() -> None:
    """A jwks_uri may have one; no issuer may (RFC 8414, section 2)."""
    assert url_fault("https://issuer.example/keys?v=2") is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("Localhost", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """127.0.0.0/8, ::1 and localhost are this machine; nothing else is."""
    assert is_loopback(host) is expected


@given(st.text() | st.text("htps:/[]@#?.:1a\\%", max_size=20))
def test_nothing_else_leaves(text: str) -> None:
    """Any text is an issuer with a host, or Misconfigured."""
    try:
        issuer = Issuer.parse(text)
    except Misconfigured:
        return
    assert all(url_fault(url) is None for url in issuer.metadata_urls)

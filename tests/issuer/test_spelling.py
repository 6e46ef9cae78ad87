"""How a name is spelled: what a message quotes of it, and a host's letter case."""

from __future__ import annotations

import pytest

from rightkey import Verifier
from rightkey.errors import MAX_QUOTED, Misconfigured, quoted
from rightkey.issuer.spelling import MAX_NEAR, lower_host, near_hint, place_hint


@pytest.mark.parametrize(
    "secret",
    [
        *(
            '{"kty": "EC", "d": "hunter2"}',
            "eyJhbGciOiJFUzI1NiJ9.e30.hunter2",
            "https://me:hunter2@issuer.example",
        ),
        *("-----BEGIN PRIVATE KEY-----hunter2", "hunter2" + "A" * 60, "one\nhunter2"),
    ],
)
def test_what_may_be_a_secret_is_not_quoted(secret: str) -> None:
    """People paste private keys, tokens and passwords where a name or a URL is wanted."""
    assert "hunter2" not in quoted(secret)
    with pytest.raises(Misconfigured) as caught:
        Verifier("issuer.example", audience="api", keys=secret)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(caught.value.hint)


def test_a_setting_is_quoted_as_it_is_and_cut() -> None:
    """Escaped, so that a line of a log stays one line."""
    assert quoted("shop api") == "'shop api'"
    assert quoted("x " * 500) == ascii(("x " * 500)[:MAX_QUOTED] + "...")
    assert quoted("caf\u00e9\x1b") == r"'caf\xe9\x1b'"


@pytest.mark.parametrize(
    ("url", "lower"),
    [
        ("https://FS.Example.COM/ADFS", "https://fs.example.com/ADFS"),
        ("https://FS.Example.COM", "https://fs.example.com"),
        ("no url", "no url"),
    ],
)
def test_only_the_host_is_put_in_lower_case(url: str, lower: str) -> None:
    """A path in other letters is another issuer."""
    assert lower_host(url) == lower


TRUSTED = ("https://sso.example/realms/shop", "https://issuer.example")


@pytest.mark.parametrize(
    ("got", "difference", "near"),
    [
        ("https://issuer.example/", "slash at the end", TRUSTED[1]),
        ("https://issuer.example///", "slash at the end", TRUSTED[1]),
        ("HTTPS://Issuer.example", "letter case", TRUSTED[1]),
        (" https://issuer.example\n", "white space around it", TRUSTED[1]),
        ("https://issuer.example:443", "default port", TRUSTED[1]),
        ("http://issuer.example", "scheme in front", TRUSTED[1]),
        ("issuer.example", "scheme in front", TRUSTED[1]),
        ("https://sso.example/realms/Shop", "letter case", TRUSTED[0]),
    ],
)
def test_a_name_that_is_spelled_otherwise_is_told(got: str, difference: str, near: str) -> None:
    """In what it differs, and how the one is spelled that passes."""
    assert near_hint(got, TRUSTED, "it is") == f"only the {difference} differs: it is '{near}'"
    told = near_hint(got, TRUSTED, "it is", scheme=False)
    assert (told is None) is (difference == "scheme in front")


@pytest.mark.parametrize(
    "got", ["https://issuer.example:8443", "https://evil.example", "", "/" * (MAX_NEAR + 1)]
)
def test_another_name_is_not_near(got: str) -> None:
    """Nor is one that is longer than any name."""
    assert near_hint(got, TRUSTED, "it is") is None


@pytest.mark.parametrize(
    ("got", "hint"),
    [
        ("https://sso.example/auth/realms/shop", "`/auth`"),
        ("http://keycloak:8080/realms/shop", "only the host"),
        ("https://sso.example/realms/other", None),
        ("https://evil.example", None),
        ("https://evil.example/", None),
        ("https://[::1/realms/shop", None),
    ],
)
def test_an_issuer_that_is_reached_elsewhere_is_told(got: str, hint: str | None) -> None:
    """Keycloak in a network of containers, or an old one; and the hint does not say which one is trusted."""
    told = place_hint(got, TRUSTED)
    assert told is None if hint is None else hint in str(told)
    assert "sso.example" not in str(told)

"""How a name is spelled: what a message quotes of it, and a host's letter case."""

from __future__ import annotations

import pytest

from rightkey import Verifier
from rightkey.errors import Misconfigured
from rightkey.issuer.spelling import MAX_QUOTED, lower_host, quoted


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

"""What was typed in the wrong place may be a token, a key or a password: no message quotes it."""

from __future__ import annotations

import pytest
from tests.cli.conftest import ran

import rightkey
from rightkey.localissuer import LocalIssuer, fault

HIDDEN = "hunter2"
TOKEN = f"eyJhbGciOiJFUzI1NiJ9.{HIDDEN}.c2ln"
SECRETS = (
    TOKEN,
    f"Bearer {HIDDEN}",
    f"https://me:{HIDDEN}@issuer.example/",
    f"-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----",
    f"it's a password: {HIDDEN}",
)
PLACES = (
    ("{}",),
    ("help", "{}"),
    ("verify", "--{}"),
    ("verify", TOKEN, TOKEN, "{}"),
    *(("verify", TOKEN, option, "{}") for option in ("--leeway", "--at", "--profile", "--provider")),
    *(("verify", TOKEN, option, "{}") for option in ("--certificates", "--sender", "--require", "--alg")),
    ("decode", TOKEN, "{}"),
    ("deny", "https://issuer.example", "--before", "{}"),
    ("watch", "https://issuer.example", "--every", "{}"),
    ("completion", "{}"),
    ("issuer", "--port", "{}"),
    ("issuer", "--url", "{}"),
    ("issuer", "token", "--claim", "{}"),
    ("inspect", "--port", "{}"),
    ("drill", "--url", "{}"),
)


@pytest.mark.parametrize("json", [(), ("--json",)], ids=["words", "json"])
@pytest.mark.parametrize("place", PLACES, ids=" ".join)
@pytest.mark.parametrize("secret", SECRETS, ids=["token", "header", "url", "pem", "named"])
def test_a_secret_that_is_typed_is_not_told(
    secret: str, place: tuple[str, ...], json: tuple[str, ...]
) -> None:
    """As a command, an option, its value, or one argument too many."""
    done = ran(*json, *(word.format(secret) for word in place))
    assert done.code in (1, 2)
    assert HIDDEN not in done.out + done.err


def test_what_is_no_secret_is_quoted() -> None:
    """So that it can be found on a long line."""
    assert "'five'" in ran("verify", TOKEN, "--leeway", "five").err
    assert "'verfy'" in ran("verfy").err


def test_the_query_of_a_url_is_not_shown() -> None:
    """It may hold an API key, and what CI prints is read by many. In Python the URL is as it was given."""
    with LocalIssuer(algorithm="ES256") as issuer:
        raw = issuer.token(sub="a")
        found, keys = (f"{issuer.urls[name]}?key={HIDDEN}" for name in ("discovery", "jwks"))
        settings = ("--issuer", issuer.url, "--audience", issuer.audience)
        for command in (
            ("locate", issuer.url, "--metadata-url", found),
            ("doctor", issuer.url, "--metadata-url", found),
            ("doctor", issuer.url, "--metadata-url", found, "--json"),
            ("verify", raw, "--explain", *settings, "--metadata-url", found),
            ("verify", raw, "--explain", *settings, "--jwks", keys),
            ("verify", raw, "--explain", *settings, "--jwks", keys, "--json"),
        ):
            done = ran(*command)
            assert "?..." in done.out + done.err
            assert HIDDEN not in done.out + done.err
        assert rightkey.locate(issuer.url, metadata_url=found).metadata_url == found


def test_a_redirect_is_told_without_what_may_be_a_secret() -> None:
    """Of its target the host and the path are enough."""
    with LocalIssuer(algorithm="ES256") as issuer:
        issuer.misbehave("discovery", fault("redirect", to=f"https://me:{HIDDEN}@a.example/x?token={HIDDEN}"))
        done = ran("doctor", issuer.url)
        assert "redirects to 'https://a.example/x'" in done.out
        assert HIDDEN not in done.out + done.err

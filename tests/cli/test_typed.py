"""What was typed in the wrong place may be a token, a key or a password: no message quotes it."""

from __future__ import annotations

import pytest
from tests.cli.conftest import ran

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

"""Nonces: good for two minutes, and remembered nowhere."""

from __future__ import annotations

import pytest

from rightkey.jose.base64url import encode
from rightkey.proof.nonces import NONCE_LIFE, good_until, nonce_at

SECRET = bytes(range(32))
NOW = 1_800_000_000.0
GIVEN = "AGtJ0gDHolW1YKnxL_yaGWDDFd88"
"""By this secret at this time, as `openssl dgst -mac HMAC` has it."""


@pytest.mark.parametrize(
    ("later", "good"), [(-60, True), (0, True), (119.9, True), (120, False), (3600, False)]
)
def test_a_nonce_is_good_for_two_minutes(later: float, good: bool) -> None:
    """From the second in which it was given; also by a worker whose clock is behind."""
    found = good_until(SECRET, nonce_at(SECRET, NOW + 0.9), NOW + later)
    assert found == (NOW + NONCE_LIFE if good else None)


def test_all_that_know_the_secret_give_the_same() -> None:
    """And others give another: 28 letters that any header can hold (RFC 9449, section 8.1)."""
    assert nonce_at(SECRET, NOW) == nonce_at(SECRET, NOW + 0.9) == GIVEN
    assert nonce_at(SECRET, NOW) != nonce_at(SECRET[::-1], NOW)
    assert nonce_at(SECRET, NOW) != nonce_at(SECRET, NOW + 1)


@pytest.mark.parametrize(
    "nonce", ["", "a", "é", "A" * 28, GIVEN[:-1], GIVEN + "A", GIVEN[::-1], encode(bytes(21)), f"{GIVEN}="]
)
def test_what_was_not_given_is_not_good(nonce: str) -> None:
    """Whatever it is made of."""
    assert good_until(SECRET, nonce, NOW) is None

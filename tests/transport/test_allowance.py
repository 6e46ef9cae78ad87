"""How many octets an answer may still have."""

from __future__ import annotations

import pytest

from rightkey.exchange import ExchangeFailed
from rightkey.transport.allowance import AROUND, MAX_FIELDS, Allowance


def test_a_body_gives_back_what_it_took() -> None:
    """What came is taken, and what of it was the body's is given back."""
    allowance = Allowance(1000)
    allowance.count_received(900)
    assert allowance.require_some() == AROUND - 900
    allowance.count_body(800)
    assert allowance.require_some() == AROUND - 100


def test_what_surrounds_the_body_comes_to_an_end() -> None:
    """At 64 KiB."""
    allowance = Allowance(1000)
    allowance.count_received(allowance.require_some())
    with pytest.raises(ExchangeFailed, match="64 KiB outside its body") as caught:
        allowance.require_some()
    assert caught.value.reason == "too_large"


def test_a_body_has_its_own_bound() -> None:
    """In octets, and inclusive."""
    allowance = Allowance(1000)
    allowance.count_body(1000)
    with pytest.raises(ExchangeFailed, match="1000 bytes") as caught:
        allowance.count_body(1)
    assert caught.value.reason == "too_large"


def test_lines_are_counted() -> None:
    """A status line and a hundred fields, in however many sections."""
    allowance = Allowance(1000)
    for _ in range(MAX_FIELDS + 1):
        allowance.count_line()
    with pytest.raises(ExchangeFailed, match="100 header fields") as caught:
        allowance.count_line()
    assert caught.value.reason == "too_large"

"""Held: whose fault it is that newer keys did not mend a token, and when to ask again."""

from __future__ import annotations

from typing import Any

import pytest

from rightkey.errors import IssuerUnavailable
from rightkey.jose.jws import Header, key_not_found, signature_invalid
from rightkey.verdict.held import NeedsNewer, Outlook, fault_of

HEADER = Header("ES256", "k", None, None, None, None, "", {})


def need(reason: Any) -> NeedsNewer:
    errors = {"nothing_fits": key_not_found(HEADER), "signature": signature_invalid(HEADER)}
    return NeedsNewer(reason, HEADER, errors.get(reason))


def down(after: float | None = 30.0) -> IssuerUnavailable:
    return IssuerUnavailable("keys_unavailable", "status 503", retry_after=after)


@pytest.mark.parametrize(
    ("reason", "settled", "could_not_ask"),
    [
        ("no_keys", None, "keys_unavailable"),
        ("nothing_fits", "key_not_found", "keys_unavailable"),
        ("signature", "signature_invalid", "signature_invalid"),
    ],
)
def test_an_outage_is_not_the_tokens_fault(reason: Any, settled: str | None, could_not_ask: str) -> None:
    """401 where an answer settled it; 503 where the issuer could not be asked, but for a bad signature."""
    if settled is not None:
        assert fault_of(need(reason), Outlook()).code == settled
        assert fault_of(need(reason), Outlook(confirmed=False)).code == settled
    unavailable = down()
    fault = fault_of(need(reason), Outlook(confirmed=False, unavailable=unavailable))
    assert fault.code == could_not_ask
    assert (fault is unavailable) == (could_not_ask == "keys_unavailable")


def test_a_confirmed_verdict_asks_for_no_second_try() -> None:
    """An answer settled it: to come again with the same token does not help."""
    error: Any = fault_of(need("nothing_fits"), Outlook(retry_after=5.0))
    assert (error.confirmed, error.retry_after) == (True, None)


@pytest.mark.parametrize(
    ("reason", "outlook", "after"),
    [
        ("nothing_fits", Outlook(confirmed=False, retry_after=0.5), 0.5),
        ("signature", Outlook(confirmed=False, unavailable=down(30.0), retry_after=7.0), 30.0),
        ("signature", Outlook(confirmed=False, unavailable=down(2.0), retry_after=7.0), 7.0),
        ("signature", Outlook(confirmed=False, unavailable=down(None), retry_after=0.5), 0.5),
    ],
)
def test_an_unconfirmed_verdict_says_when_to_come_again(reason: Any, outlook: Outlook, after: float) -> None:
    """At the later of the times at which the issuer, and the budget, allow it."""
    error: Any = fault_of(need(reason), outlook)
    assert error.confirmed is False
    assert error.retry_after == after

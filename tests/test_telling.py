"""Telling: the events that a refresh comes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rightkey import Freshness, IssuerUnavailable, KeySet
from rightkey.events import FetchFailed, KeysFetched, KeysMissing, KeysRotated, ServedStale
from rightkey.localissuer.signing import SigningKey
from rightkey.snapshot import Snapshot, snapshot_of
from rightkey.telling import failed, fetched, missing, rotated

DOWN = IssuerUnavailable("keys_unavailable", "status 503")


@pytest.fixture
def one(signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]) -> KeySet:
    return keyset(signer("ES256", "a"))


@pytest.fixture
def other(signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]) -> KeySet:
    """A key without `kid`, and a member that is skipped."""
    nameless = {name: value for name, value in signer("ES256", "b").public_jwk().items() if name != "kid"}
    return keyset(nameless, {"kty": "oct", "k": "x"})


def test_a_good_answer_is_told_in_numbers(other: KeySet) -> None:
    assert fetched("i", other, forced=True) == KeysFetched("i", 1, 1, True)


def test_keys_are_told_by_key_id_or_thumbprint(one: KeySet, other: KeySet) -> None:
    """Something must name a key."""
    thumbprint = other.keys[0].thumbprint
    assert rotated("i", one, other) == KeysRotated("i", (thumbprint,), ("a",))
    assert missing("i", other.keys, 300.0) == [KeysMissing("i", (thumbprint,), 300.0)]


def test_nothing_is_told_of_no_missing_key() -> None:
    assert missing("i", (), 300.0) == []


@pytest.mark.parametrize(("now", "stale"), [(599.0, False), (600.0, True), (4199.0, True), (4200.0, False)])
def test_a_failure_says_whether_keys_serve_past_their_life(one: KeySet, now: float, stale: bool) -> None:
    """From the end of their life to the end of their bound."""
    held: Snapshot = snapshot_of(one, one, 0.0, {}, Freshness(), 1.0)
    told = failed("i", DOWN, held, now, forced=False, pause=2.0)
    assert told[0] == FetchFailed("i", "keys_unavailable", "status 503", False, 2.0)
    assert told[1:] == ([ServedStale("i", 4200.0 - now)] if stale else [])


def test_a_failure_without_keys_is_a_failure() -> None:
    assert len(failed("i", DOWN, None, 0.0, forced=True, pause=1.0)) == 1

"""Status: what is told of one issuer's keys at a moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rightkey import Freshness, IssuerUnavailable, KeySet
from rightkey.freshness.budget import Backoff, Draws
from rightkey.freshness.snapshot import Snapshot, snapshot_of
from rightkey.freshness.status import Status, status_of
from rightkey.localissuer.keys.signing import SigningKey


@pytest.fixture
def held(signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]) -> Snapshot:
    """One key since 0; 600 s fresh, refreshed from 540 s, gone after 4,200 s."""
    keys = keyset(signer("ES256"))
    return snapshot_of(keys, keys, 0.0, {}, Freshness(), 1.0)


def told(held: Snapshot | None, now: float, grace: float | None = None, age: float | None = 5.0) -> Status:
    freshness = Freshness(grace=grace)
    return status_of(
        "i",
        held,
        freshness,
        now,
        metadata_age=age,
        scheduled=Backoff(until=now + 3),
        forced=Backoff(),
        accounts=(Draws(since=now), Draws(spent=1.0, since=now)),
        failure=IssuerUnavailable("keys_unavailable", "status 503"),
    )


def test_what_is_held_is_told_in_seconds_from_now(held: Snapshot) -> None:
    status = told(held, 100.0)
    assert (status.age, status.fresh_for, status.stale_for, status.refresh_in) == (100, 500, 4100, 440)
    assert (status.keys, status.ready, status.next_attempt_in, status.draws) == (1, True, 3, 1)
    assert (status.metadata_age, status.last_failure) == (5, "status 503")


@pytest.mark.parametrize("grace", [None, 0.0, 300.0])
def test_a_grace_is_on_top_of_both_bounds(held: Snapshot, grace: float | None) -> None:
    """What an answer lacks at the last moment serves on for so long."""
    status = told(held, 100.0, grace)
    assert status.revoked_key_bound == 4100 + (grace or 0)
    assert status.moved_key_bound == 3600 + 86400 - 5 + 3600 + 3600 + (grace or 0)


def test_what_is_gone_has_no_bound(held: Snapshot) -> None:
    """Whatever the grace: nothing is served."""
    status = told(held, 4200.0, 300.0)
    assert (status.keys, status.ready, status.stale_for) == (0, False, 0)
    assert (status.revoked_key_bound, status.moved_key_bound) == (None, None)


def test_without_metadata_no_key_can_have_moved(held: Snapshot) -> None:
    """The URL of the keys was given."""
    assert told(held, 0.0, age=None).moved_key_bound is None


def test_without_keys_there_is_little_to_tell() -> None:
    status = told(None, 0.0)
    assert (status.keys, status.age, status.fresh_for, status.refresh_in, status.ready) == (
        0,
        *[None] * 3,
        False,
    )
    assert status.revoked_key_bound is None


def test_what_is_past_is_no_seconds_away(held: Snapshot) -> None:
    """Past its life a set is fresh for no longer, and its refresh is due."""
    status = told(held, 700.0)
    assert (status.fresh_for, status.refresh_in) == (0.0, 0.0)

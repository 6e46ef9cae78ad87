"""What is kept of a member that was skipped."""

from __future__ import annotations

import pickle

from rightkey.jose.skipped import MAX_NAME, SKIP_REASONS, UnusableKey, skipped


def test_a_name_is_cut_where_it_is_too_long() -> None:
    """It is the issuer's to choose, and is kept as long as the set is."""
    for kid in (None, "", "k", "k" * MAX_NAME):
        assert skipped(kid, UnusableKey("weak")).kid == kid
    assert skipped("k" * (MAX_NAME + 1), UnusableKey("weak")).kid == "k" * MAX_NAME + "..."


def test_why_is_kept_whole() -> None:
    """With the reason's own words where no others are given; a process that reads keys may hand it over."""
    told = skipped("k", pickle.loads(pickle.dumps(UnusableKey("weak", "its modulus", "print"))))
    assert told == ("k", "weak", "its modulus", "print")
    assert skipped("k", UnusableKey("costly")) == ("k", "costly", SKIP_REASONS["costly"], None)

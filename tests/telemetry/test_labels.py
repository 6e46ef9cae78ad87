"""Labels: what a metric is told apart by is bounded."""

from __future__ import annotations

from rightkey.telemetry.labels import Labels


def test_the_first_keep_their_name_and_all_others_share_one() -> None:
    """So that no stranger, and no list of tenants, makes series without end."""
    labels = Labels(2)
    assert [labels.of(value) for value in ("a", "b", "a", "c", "d", "b")] == [
        "a",
        "b",
        "a",
        "other",
        "other",
        "b",
    ]
    assert "a" in labels
    assert "c" not in labels

"""Snapshot: what an answer's headers make of its life."""

from __future__ import annotations

import pytest

from rightkey import Freshness, KeySet
from rightkey.freshness.snapshot import Life, life_of, renewed, snapshot_of

EMPTY = KeySet(())


def fresh(control: str, **headers: str) -> float:
    return life_of({"cache-control": control, **headers}, Freshness()).fresh


def stale(control: str, freshness: Freshness | None = None) -> float:
    return life_of({"cache-control": control}, freshness or Freshness()).stale


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=900", 900),
        ("public, Max-Age=900, x", 900),
        ('max-age="900"', 900),
        (" max-age = 900 ", 900),
        ("max-age=15", 300),  # seen in the wild
        ("max-age=3801600", 3600),  # 44 days, as well
        ("max-age=0", 300),
        ("max-age=" + "9" * 400, 3600),
        ("max-age=400, public, max-age=3000", 400),  # the first one: RFC 9111, section 4.2.1
        ("no-store", 600),
        ("", 600),
    ],
)
def test_max_age_counts_within_bounds(control: str, seconds: float) -> None:
    """Between 5 minutes and an hour, and 10 minutes where nothing is said."""
    assert fresh(control) == seconds


@pytest.mark.parametrize(
    "control", ["max-age=-5", "max-age=1.5", "max-age=x", "max-age=", "max-age", "max-age=²", ",,=,", "\0"]
)
def test_a_max_age_that_is_no_number_is_as_if_absent(control: str) -> None:
    """Junk is neither an error nor a life."""
    assert fresh(control) == 600


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("600", 900), ("0", 1500), ("1499", 300), ("99999", 300), ("x", 1500), ("", 1500), ("600, 0", 900)],
)
def test_the_time_in_caches_counts(age: str, seconds: float) -> None:
    """`Age` is taken off, down to the least life (RFC 9111, section 5.1)."""
    assert fresh("max-age=1500", age=age) == seconds


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("", 3600),
        ("stale-if-error=86400", 3600),  # Auth0 says so: lengthening is a setting's business
        ("stale-if-error=900", 900),
        ("stale-if-error=5", 600),
        ("must-revalidate", 600),
        ("must-revalidate, stale-if-error=900", 600),
        ("stale-if-error=x", 3600),
    ],
)
def test_an_issuer_may_shorten_the_stale_time_and_not_lengthen_it(control: str, seconds: float) -> None:
    """To 10 minutes at the least."""
    assert stale(control) == seconds


def test_the_stale_time_is_lengthened_by_setting_only() -> None:
    """And what was set lower than the least is not raised by the issuer."""
    assert stale("", Freshness(stale_if_error=86400)) == 86400
    assert stale("must-revalidate", Freshness(stale_if_error=60)) == 60


@pytest.mark.parametrize(("jitter", "refresh_at"), [(0.0, 580), (0.5, 610), (1.0, 640)])
def test_a_refresh_is_due_in_the_last_fifth(jitter: float, refresh_at: float) -> None:
    """From four fifths to nine tenths of the life, by jitter, counted from when the request began."""
    snapshot = snapshot_of(EMPTY, EMPTY, 100.0, {}, Freshness(), jitter, "https://a/")
    assert snapshot.refresh_at == pytest.approx(refresh_at)
    assert (snapshot.fresh_until, snapshot.stale_until) == (700, 4300)


def test_a_snapshot_keeps_what_a_revalidation_needs() -> None:
    """Validators, and the `Cache-Control` that a 304 need not repeat."""
    headers = {"etag": '"1"', "last-modified": "then", "cache-control": "max-age=900"}
    snapshot = snapshot_of(EMPTY, EMPTY, 0.0, headers, Freshness(), 0.0, "https://a/")
    kept = (snapshot.url, snapshot.etag, snapshot.modified, snapshot.control)
    assert kept == ("https://a/", '"1"', "then", "max-age=900")
    assert life_of(headers, Freshness()) == Life(900, 3600)


@pytest.mark.parametrize(
    ("hint", "control", "seconds"),
    [(900, "", 900), (60, "", 300), (900, "max-age=600", 600), (900, "max-age=1800", 900), (10**8, "", 3600)],
)
def test_a_bundle_says_when_to_fetch_it_again(hint: int, control: str, seconds: float) -> None:
    """As SPIFFE's do, within the bounds of every life; the shorter counts."""
    bundle = KeySet.parse({"keys": [], "spiffe_refresh_hint": hint})
    snapshot = snapshot_of(bundle, bundle, 0.0, {"cache-control": control}, Freshness(), 0.0)
    assert snapshot.fresh_until == seconds


def test_a_304_says_what_it_leaves_out() -> None:
    """RFC 9111, section 4.3.4: as it was; and what it says anew counts."""
    before = snapshot_of(EMPTY, EMPTY, 0.0, {"etag": "1", "cache-control": "max-age=9"}, Freshness(), 0.0)
    assert renewed(before, {"etag": "2", "age": "3"}) == {
        "etag": "2",
        "cache-control": "max-age=9",
        "age": "3",
    }


def test_must_revalidate_leaves_no_second_where_none_is_set() -> None:
    """`min_stale` is the least that an issuer may shorten it to, and may be nothing."""
    headers = {"cache-control": "max-age=600, must-revalidate"}
    assert life_of(headers, Freshness(min_stale=0)).stale == 0.0

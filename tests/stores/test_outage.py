"""Outage: an issuer's failure, sealed, and back."""

from __future__ import annotations

import pytest

from rightkey.stores.outage import Outage, read_outage
from rightkey.stores.seal import UNSEALED, seal_of

SEAL = seal_of(b"s" * 32)
OUTAGE = Outage(1_000.0, "http_503")


def test_an_outage_comes_back_as_it_was() -> None:
    """As a word in ASCII, which every store keeps."""
    text = OUTAGE.sealed(SEAL, "place")
    assert text.isascii()
    assert read_outage(SEAL, "place", text) == OUTAGE


@pytest.mark.parametrize(
    ("secret", "place", "text"),
    [
        (b"x" * 32, "place", OUTAGE.sealed(SEAL, "place")),
        (b"s" * 32, "elsewhere", OUTAGE.sealed(SEAL, "place")),
        (b"s" * 32, "place", "http_503"),
        (b"s" * 32, "place", ""),
        (b"s" * 32, "place", "\u00e9"),
    ],
)
def test_what_is_not_sealed_for_this_place_is_none(secret: bytes, place: str, text: str) -> None:
    """A store may say anything."""
    assert read_outage(seal_of(secret), place, text) is None


@pytest.mark.parametrize("text", ["W10=", "WyJ4IiwgIngiXQ==", "Nw==", "WzE" + "wMDAw" * 200 + "LDFd"])
def test_what_another_version_has_written_is_none(text: str) -> None:
    """In a directory that needs no seal."""
    assert read_outage(UNSEALED, "place", text) is None


def test_an_outage_is_recent_for_as_long_as_a_pause_may_run() -> None:
    """And a minute, by which clocks may differ."""
    assert OUTAGE.is_recent(1_360.0)
    assert OUTAGE.is_recent(940.0)
    assert not OUTAGE.is_recent(1_361.0)
    assert not OUTAGE.is_recent(600.0)

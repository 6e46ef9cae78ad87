"""Entry: octets and back."""

from __future__ import annotations

import json

import pytest

from rightkey.exchange import Response
from rightkey.stores.entry import MAX_HEADER, Entry, Unreadable, read_entry

ENTRY = Entry.of(
    7,
    100.0,
    "https://a.example/jwks",
    Response(200, {"etag": '"1"', "set-cookie": "no"}, b'{"keys": []}\n\0'),
)


def test_an_entry_comes_back_as_it_was() -> None:
    """Body, number and time; and no header field that is not needed."""
    assert read_entry(ENTRY.octets()) == ENTRY
    assert ENTRY.response == Response(200, {"etag": '"1"'}, b'{"keys": []}\n\0')


def test_a_header_field_is_kept_up_to_a_bound() -> None:
    """An issuer may send 64 KiB of it."""
    entry = Entry.of(1, 0.0, "u", Response(200, {"etag": "x" * 10_000}, b""))
    assert len(entry.headers["etag"]) == MAX_HEADER


def test_the_older_age_counts() -> None:
    """By the store's clock, which may lie, or by the hosts', less what these may differ."""
    assert ENTRY.age(5.0, 100.0) == 5.0
    assert ENTRY.age(5.0, 1_000.0) == 840.0
    assert ENTRY.age(-5.0, 50.0) == 0.0


@pytest.mark.parametrize(
    "change", [{"number": "7"}, {"wall": None}, {"url": 1}, {"headers": []}, {"headers": {"a": 1}}]
)
def test_what_another_version_wrote_is_refused(change: dict[str, object]) -> None:
    """With a type that is not known here."""
    head = json.loads(ENTRY.octets().partition(b"\n")[0]) | change
    with pytest.raises(Unreadable):
        read_entry(json.dumps(head).encode() + b"\n")


@pytest.mark.parametrize("octets", [b"", b"[]\n", b"{}\n", b"\xff\n", b"null\n"])
def test_what_is_no_entry_is_refused(octets: bytes) -> None:
    """By one error."""
    with pytest.raises(Unreadable):
        read_entry(octets)

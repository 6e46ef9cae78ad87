"""Denylist: which tokens a denial refuses, for how long, and what it keeps of whom."""

from __future__ import annotations

import threading
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rightkey import Denylist, Misconfigured
from rightkey.verdict.denylist import (
    LONGEST,
    REASONS,
    Denial,
    DenialSet,
    denial,
    denial_of,
    key_of,
)

ISSUER, OTHER, NOW = "https://issuer.example", "https://other.example", 1_000_000.0


def denied(*given: Denial, most: int = 10) -> DenialSet:
    """A list with these entries."""
    made = DenialSet(threading.Lock(), most)
    assert all(made.add(one, NOW) for one in given)
    return made


def of(**asked: Any) -> Denial:
    """A denial, as `deny` makes it."""
    names = {name: asked.pop(name) for name in ("sid", "sub", "jti") if name in asked}
    return denial(asked.pop("issuer", ISSUER), NOW, 3600.0, names=names, **asked)


@pytest.mark.parametrize(
    ("one", "claims", "reason"),
    [
        (of(sid="s"), {"sid": "s"}, "session_denied"),
        (of(sid="s"), {"sid": "t", "sub": "s", "jti": "s"}, None),
        (of(sid="s"), {"sid": "s", "iat": NOW + 9}, "session_denied"),
        (of(sid="s", before=NOW), {"sid": "s", "iat": NOW + 9}, None),
        (of(sub="a"), {"sub": "a", "iat": NOW}, "subject_denied"),
        (of(sub="a"), {"sub": "a", "iat": NOW + 1}, None),
        (of(sub="a"), {"sub": "a"}, "subject_denied"),
        (of(sub="a"), {"sub": "a", "iat": nan}, "subject_denied"),
        (of(sub="a"), {"sub": "a", "iat": True}, "subject_denied"),
        (of(sub="a"), {"sub": ["a"]}, None),
        (of(jti="j"), {"jti": "j", "sid": "s"}, "token_denied"),
        (of(before=NOW), {"iat": NOW - 1}, "issuer_denied"),
        (of(before=NOW), {"iat": NOW + 1}, None),
        (of(sid="s", issuer=OTHER), {"sid": "s"}, None),
    ],
)
def test_what_a_denial_refuses(one: Denial, claims: dict[str, Any], reason: str | None) -> None:
    """And nothing else; what does not say when it was issued is refused."""
    assert denied(one).reason([ISSUER], claims, NOW) == reason


def test_a_denial_ends() -> None:
    """After `longest`, or when it says; never after 30 days."""
    claims = {"sid": "s"}
    assert denied(of(sid="s")).reason([ISSUER], claims, NOW + 3599) == "session_denied"
    assert denied(of(sid="s")).reason([ISSUER], claims, NOW + 3600) is None
    assert of(sid="s", until=NOW + 5).until == NOW + 5
    assert of(sid="s", until=NOW * 5000).until == NOW + LONGEST


def test_of_two_the_longer_counts() -> None:
    """In either order."""
    early, late = of(sub="a", before=NOW - 10, until=NOW + 90), of(sub="a", before=NOW, until=NOW + 5)
    for both in ((early, late), (late, early)):
        assert denied(*both).reason([ISSUER], {"sub": "a", "iat": NOW}, NOW + 50) == "subject_denied"


def test_it_is_looked_up_under_each_name_of_the_issuer() -> None:
    """Such as a tenant's."""
    assert denied(of(sid="s", issuer=OTHER)).reason([ISSUER, OTHER], {"sid": "s"}, NOW) == "session_denied"


def test_there_is_room_for_so_many_and_no_more() -> None:
    """What has ended makes room; what is known already needs none."""
    full = denied(of(sid="1"), of(sid="2", until=NOW + 10), most=2)
    assert not full.add(of(sid="3"), NOW)
    assert full.add(of(sid="1", until=NOW + 9999), NOW)
    assert full.add(of(sid="3"), NOW + 11)
    assert len(full) == 2


def test_what_is_lacking_elsewhere() -> None:
    """What is known here and denies more, and has not ended."""
    mine = of(sub="a", before=NOW, until=NOW + 50)
    here = denied(mine, of(sid="s"), of(jti="gone", until=NOW + 1))
    assert set(here.lacking([], NOW + 5)) == {mine, of(sid="s")}
    assert here.lacking([mine, of(sid="s"), of(sid="s", until=NOW + 1)], NOW + 5) == []
    assert here.lacking([mine._replace(before=NOW - 1), of(sid="s")], NOW + 5) == [mine]


@given(some.binary(min_size=32, max_size=32), some.floats(allow_nan=False), some.floats(allow_nan=False))
def test_an_entry_comes_back_as_it_went(key: bytes, before: float, until: float) -> None:
    """Through a store."""
    one = Denial(key, before, until)
    assert denial_of(one.octets()) == one


@given(some.text(), some.text(), some.text(), some.text())
def test_no_two_things_are_one(issuer: str, value: str, other: str, thing: str) -> None:
    """Whatever an issuer and a session are called; nothing of a name can be read."""
    assert (key_of(issuer, "sid", value) == key_of(other, "sid", thing)) == (
        (issuer, value) == (other, thing)
    )
    assert len({key_of(issuer, kind, value) for kind in REASONS}) == len(REASONS)
    assert key_of("\ud800", "sub", "\ud800")


def test_other_octets_are_no_entry() -> None:
    """Another version may have written them."""
    with pytest.raises(ValueError):
        denial_of(b"x" * 47)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"sid": "s", "sub": "a"},
        {"sid": ""},
        {"sub": 5},
        {"sid": "s", "before": True},
        {"sid": "s", "until": nan},
        {"sid": "s", "until": NOW - LONGEST - 1},
        {"sid": "s", "until": 10**400},
        {"before": inf},
        {"before": -(10**400)},
        {"before": "now"},
        {"sub": "a", "before": 1_790_000_000_000},
        {"before": 1e18},
    ],
)
def test_a_denial_names_one_thing(wrong: dict[str, Any]) -> None:
    """And a time is a number, and no duration."""
    with pytest.raises(Misconfigured):
        of(**wrong)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "on_loss is missing"),
        ({"on_loss": "hope"}, "serve or refuse"),
        ({"on_loss": "serve", "longest": 0}, "longest"),
        ({"on_loss": "serve", "longest": True}, "longest"),
        ({"on_loss": "serve", "longest": LONGEST + 1}, "longest"),
    ],
)
def test_what_becomes_of_tokens_must_be_chosen(wrong: dict[str, Any], told: str) -> None:
    """No default is hidden."""
    with pytest.raises(Misconfigured, match=told):
        Denylist(**wrong)
    assert Denylist(on_loss="serve").serves
    assert not Denylist(on_loss="refuse", store_secret=b"s" * 32).serves
    assert "sss" not in repr(Denylist(on_loss="refuse", store_secret=b"s" * 32))

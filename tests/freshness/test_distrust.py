"""Distrusted: what was leaked or is distrusted stays out of every set."""

from __future__ import annotations

import pytest

from rightkey import Key, KeySet
from rightkey.events import KeyLeaked, LeakForgotten
from rightkey.freshness.distrust import MAX_LEAKED, Distrusted
from rightkey.freshness.refresh import NoSigningKey, Refreshed
from rightkey.jose.keyset import MAX_MEMBERS, Skipped
from rightkey.localissuer.keys.signing import Form, SigningKey

A, B = (SigningKey.generate("ES256", Form(certificates=False), kid=kid) for kid in "ab")
BOTH = KeySet.parse({"keys": [A.public_jwk(), B.public_jwk()]}, published=True)
LEAKING = KeySet.parse({"keys": [A.private_jwk()]}, published=True)


@pytest.mark.parametrize(
    "refreshed", [Refreshed(0.0, keys=LEAKING), Refreshed(0.0, failure=NoSigningKey(LEAKING))]
)
def test_a_leak_is_told_once_and_counts_for_ever(refreshed: Refreshed) -> None:
    """Also where the answer that holds it is none that can be used."""
    refused = Distrusted()
    assert refused.taken_from(BOTH) is BOTH
    thumbprint = BOTH.keys[0].thumbprint
    assert refused.note("issuer", refreshed) == [KeyLeaked("issuer", "a", thumbprint)]
    assert refused.note("issuer", refreshed) == []
    left = refused.taken_from(BOTH)
    assert [key.kid for key in left] == ["b"]
    assert [one.reason for one in left.skipped] == ["private_key_published"]


@pytest.mark.parametrize("name", ["a", BOTH.keys[0].thumbprint], ids=["kid", "thumbprint"])
def test_what_is_distrusted_is_named_by_key_id_or_thumbprint(name: str) -> None:
    refused = Distrusted()
    refused.names.add(name)
    left = refused.taken_from(BOTH)
    assert [key.kid for key in left] == ["b"]
    assert [(one.kid, one.reason) for one in left.skipped] == [("a", "distrusted")]


def test_an_answer_without_keys_leaks_nothing() -> None:
    """304, or no answer at all."""
    assert Distrusted().note("issuer", Refreshed(0.0)) == []


def leaks(*thumbprints: str) -> Refreshed:
    skipped = tuple(
        Skipped(None, "private_key_published", "leaked", thumbprint) for thumbprint in thumbprints
    )
    return Refreshed(0.0, keys=KeySet((), skipped))


def test_leaks_are_bounded_and_those_that_were_usable_stay() -> None:
    """An issuer decides how many keys it leaks. The oldest that never verified here go, with an event."""
    refused, thumbprint = Distrusted(), BOTH.keys[0].thumbprint
    refused.note("issuer", Refreshed(0.0, keys=BOTH))
    refused.note("issuer", Refreshed(0.0, keys=LEAKING))
    oldest_first = [f"leaked {number}" for number in range(99_999, 99_999 - MAX_LEAKED, -1)]
    events = refused.note("issuer", leaks(*oldest_first[:-1]))
    assert {type(event) for event in events} == {KeyLeaked}
    assert refused.note("issuer", leaks(oldest_first[-1]))[-1] == LeakForgotten("issuer", 1)
    assert len(refused.leaked) == MAX_LEAKED
    assert [name in refused.leaked for name in (thumbprint, *oldest_first[:2])] == [True, False, True]
    assert [key.kid for key in refused.taken_from(BOTH)] == ["b"]


def test_usable_keys_are_remembered_in_bounds() -> None:
    """Whether a leaked key was ever usable is known of the latest ten thousand."""
    refused = Distrusted()
    for number in range(MAX_LEAKED):
        refused._usable[f"other {number}"] = None
    refused.note("issuer", Refreshed(0.0, keys=BOTH))
    assert len(refused._usable) == MAX_LEAKED
    assert list(refused._usable)[-2:] == [key.thumbprint for key in BOTH]


def others(turn: int) -> tuple[str, ...]:
    """As many as one answer may hold, of which none came before."""
    return tuple(f"other {turn} {number}" for number in range(MAX_MEMBERS - 1))


@pytest.mark.parametrize(
    "again", [LEAKING.skipped, BOTH.keys[:1]], ids=["with its private half", "as if it were good"]
)
def test_a_leaked_key_that_is_published_again_and_again_is_not_forgotten(
    again: tuple[Skipped, ...] | tuple[Key, ...],
) -> None:
    """However many others the issuer leaks with it: it would verify tokens again."""
    refused = Distrusted()
    refused.note("issuer", Refreshed(0.0, keys=LEAKING))
    keys, skipped = ((), again) if isinstance(again[0], Skipped) else (again, ())
    for turn in range(MAX_LEAKED // MAX_MEMBERS + 5):
        crowd = leaks(*others(turn)).keys
        assert crowd is not None
        refused.note("issuer", Refreshed(0.0, keys=KeySet(keys, crowd.skipped + skipped)))
    assert [key.kid for key in refused.taken_from(BOTH)] == ["b"]
    assert len(refused.leaked) == MAX_LEAKED


def test_a_key_that_is_usable_in_each_answer_counts_as_usable() -> None:
    """However many others were, and whether it leaked before or after."""
    refused, thumbprint = Distrusted(), BOTH.keys[0].thumbprint
    refused.note("issuer", Refreshed(0.0, keys=BOTH))
    for number in range(MAX_LEAKED - 1):
        refused._usable[f"other {number}"] = None
    refused.note("issuer", Refreshed(0.0, keys=BOTH))
    assert thumbprint in refused._usable
    later = Distrusted()
    later.note("issuer", Refreshed(0.0, keys=LEAKING))
    later.note("issuer", Refreshed(0.0, keys=BOTH))
    assert later.leaked == {thumbprint: True}

"""Distrusted: what was leaked or is distrusted stays out of every set."""

from __future__ import annotations

import pytest

from rightkey import KeySet
from rightkey.events import KeyLeaked
from rightkey.freshness.distrust import Distrusted
from rightkey.freshness.refresh import NoSigningKey, Refreshed
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
    assert refused.note_leaks("issuer", refreshed) == [KeyLeaked("issuer", "a", thumbprint)]
    assert refused.note_leaks("issuer", refreshed) == []
    left = refused.taken_from(BOTH)
    assert [key.kid for key in left] == ["b"]
    assert [one.reason for one in left.skipped] == ["private_key_published"]


@pytest.mark.parametrize("name", ["a", BOTH.keys[0].thumbprint], ids=["kid", "thumbprint"])
def test_what_is_distrusted_is_named_by_key_id_or_thumbprint(name: str) -> None:
    refused = Distrusted()
    refused.distrusted.add(name)
    left = refused.taken_from(BOTH)
    assert [key.kid for key in left] == ["b"]
    assert [(one.kid, one.reason) for one in left.skipped] == [("a", "distrusted")]


def test_an_answer_without_keys_leaks_nothing() -> None:
    """304, or no answer at all."""
    assert Distrusted().note_leaks("issuer", Refreshed(0.0)) == []

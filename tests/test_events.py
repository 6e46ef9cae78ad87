"""Events: frozen values, with nothing secret in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import get_args

import pytest

from rightkey import KeySet, events
from rightkey.events import KeysFetched, KeysMissing, KeysRotated
from rightkey.localissuer.keys.signing import SigningKey


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_an_event_is_a_frozen_value_of_an_issuer(kind: type) -> None:
    """It names its issuer first, can be told apart by its type, and cannot be changed by one listener
    for the next."""
    names = [field.name for field in fields(kind)]
    assert names[0] == "issuer"
    event = kind(*names)
    assert event == kind(*names)
    assert hash(event) == hash(kind(*names))
    with pytest.raises(FrozenInstanceError):
        event.issuer = "another"
    assert kind.__doc__


def test_no_event_has_room_for_a_token_or_a_claim() -> None:
    """Every field is known here: a new one has to be thought about."""
    assert {field.name for kind in get_args(events.Event) for field in fields(kind)} == {
        *("issuer", "keys", "skipped", "forced", "added", "removed", "code", "message", "retry_after"),
        *("left", "wait", "kid", "thumbprint", "grace", "tokens"),
    }


@pytest.fixture
def one(signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]) -> KeySet:
    """A key with a kid."""
    return keyset(signer("ES256", "a"))


@pytest.fixture
def other(signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]) -> KeySet:
    """A key without `kid`, and a member that is skipped."""
    nameless = {name: value for name, value in signer("ES256", "b").public_jwk().items() if name != "kid"}
    return keyset(nameless, {"kty": "oct", "k": "x"})


def test_a_good_answer_is_told_in_numbers(other: KeySet) -> None:
    """How many keys are usable, and how many members were skipped."""
    assert KeysFetched.of("i", other, forced=True) == KeysFetched("i", 1, 1, True)


def test_keys_are_told_by_key_id_or_thumbprint(one: KeySet, other: KeySet) -> None:
    """Something must name a key."""
    thumbprint = other.keys[0].thumbprint
    assert KeysRotated.between("i", one, other) == KeysRotated("i", (thumbprint,), ("a",))
    assert KeysMissing.of("i", other, 300.0) == KeysMissing("i", (thumbprint,), 300.0)

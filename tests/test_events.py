"""Events: frozen values, with nothing secret in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_args

import pytest

from rightkey import KeySet, Misconfigured, events
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
        *("key_set", "status", "seconds", "failures", "reason", "store"),
        *("claims", "audience", "issuers", "hint"),  # names of claims, and what the verifier expects
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
    told = KeysFetched.of("i", other, forced=True, status="200", seconds=0.5, failures=2)
    assert (told.issuer, told.keys, told.skipped, told.forced) == ("i", 1, 1, True)
    assert (told.status, told.seconds, told.failures) == ("200", 0.5, 2)


def test_a_key_sets_hash_tells_sets_apart(
    one: KeySet, other: KeySet, signer: Callable[..., SigningKey], keyset: Callable[..., KeySet]
) -> None:
    """Equal keys have equal hashes in every process, whatever their order; it says `sha256:`."""
    a, b = signer("ES256", "a"), signer("ES256", "b")
    sets = (keyset(a, b), keyset(b, a), one, other)
    hashes = [KeysFetched.of("i", keys, forced=False).key_set for keys in sets]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3
    assert all(one.startswith("sha256:") and len(one) == 71 for one in hashes)


@pytest.mark.parametrize("listener", [None, "log", [print]])
def test_a_listener_is_a_function(listener: Any) -> None:
    """It would be called with each event, and fail each time."""
    with pytest.raises(Misconfigured, match="listener must be a function"):
        events.subscribe(listener)


def test_a_listener_is_told_once_and_what_it_raises_is_counted() -> None:
    """Given and subscribed at once, it is told once; and the next is told whatever the first raises."""
    told: list[events.Event] = []
    event = events.ServedStale("i", 1.0)

    def failing(_: events.Event) -> None:
        raise RuntimeError

    def hear(one: events.Event) -> None:
        told.append(one)

    ends = [events.subscribe(failing), events.subscribe(hear)]
    try:
        assert events.SUBSCRIBERS.tell(event, [hear]) == 1
    finally:
        for end in ends:
            end()
    assert failing not in events.SUBSCRIBERS.listeners
    assert hear not in events.SUBSCRIBERS.listeners
    assert told == [event]


def test_a_method_is_one_listener_however_often_it_is_named() -> None:
    """Each look at `meters.hear` makes another object."""

    class Meters:
        def __init__(self) -> None:
            self.heard: list[events.Event] = []

        def hear(self, one: events.Event) -> None:
            self.heard.append(one)

    one, other = Meters(), Meters()
    event = events.ServedStale("i", 1.0)
    end = events.subscribe(one.hear)
    try:
        assert events.SUBSCRIBERS.tell(event, [one.hear, one.hear, other.hear]) == 0
    finally:
        end()
    assert (one.heard, other.heard) == ([event], [event])


def test_keys_are_told_by_key_id_or_thumbprint(one: KeySet, other: KeySet) -> None:
    """Something must name a key."""
    thumbprint = other.keys[0].thumbprint
    assert KeysRotated.between("i", one, other) == KeysRotated("i", (thumbprint,), ("a",))
    assert KeysMissing.of("i", other, 300.0) == KeysMissing("i", (thumbprint,), 300.0)

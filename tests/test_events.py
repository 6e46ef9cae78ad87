"""Events: frozen values, with nothing secret in them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import get_args

import pytest

from rightkey import events


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
        *("left", "wait", "kid", "thumbprint", "grace"),
    }

"""Claims by a template, or by a function."""

from __future__ import annotations

from rightkey.localissuer.tokens.personal import Occasion, personal

OCCASION = Occasion("access", "client_credentials", "web", "alice", "a b", "https://api.example")


def test_names_are_replaced_at_any_depth() -> None:
    """What is no text stays what it is, and so do braces that name nothing."""
    template = {
        "who": "{sub} at {client_id}",
        "deep": {"all": ["{audience}", {"s": "{scope}"}]},
        "n": 1,
        "x": "{y}",
    }
    assert personal(template, OCCASION) == {
        "who": "alice at web",
        "deep": {"all": ["https://api.example", {"s": "a b"}]},
        "n": 1,
        "x": "{y}",
    }


def test_a_function_sees_the_occasion() -> None:
    """And its answer is taken as it is."""
    assert personal(lambda occasion: {"for": occasion.grant_type}, OCCASION) == {"for": "client_credentials"}
    assert personal(None, OCCASION) == {}

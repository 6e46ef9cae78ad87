"""NAME=VALUE on the command line."""

from __future__ import annotations

import pytest

from rightkey.cli.errors import BadUse
from rightkey.cli.pairs import pairs_of


def test_a_value_is_json_or_a_text() -> None:
    """The last of a name counts."""
    texts = ["a=1", 'b={"c": [true]}', "d=a=b", "e=", "a=read:orders"]
    assert pairs_of(texts) == {"a": "read:orders", "b": {"c": [True]}, "d": "a=b", "e": ""}


@pytest.mark.parametrize("text", ["", "a", "=1"])
def test_a_pair_has_a_name_and_a_value(text: str) -> None:
    """A mistake is told with what was given."""
    with pytest.raises(BadUse, match=f"expected NAME=VALUE, got {text!r}$"):
        pairs_of([text])

"""What a stranger writes is not walked through for the sake of a hint."""

from __future__ import annotations

import pytest

import rightkey


@pytest.mark.parametrize("spelled", [str, lambda text: text.encode()])
def test_a_hint_is_sought_at_the_ends_of_a_text_alone(spelled: type) -> None:
    """To look for the mistakes of the first day in 64 KiB took 11 ms, seven hundred times a check."""
    verifier = rightkey.Verifier("https://i.example", audience="a", keys=rightkey.KeySet(()))

    def hint(text: str) -> str | None:
        with pytest.raises(rightkey.TokenRejected) as caught:
            verifier.verify(spelled(text))
        return caught.value.hint

    folded = "it has white space or line ends inside: was it folded?"
    assert hint("x" * 60 + "\n" + "x" * 5000) == folded
    assert hint("x" * 5000 + " " + "x" * 60) == folded
    assert hint("x" * 5000 + " " + "x" * 5000) != folded
    assert hint("x" * 5000 + "\n") == "it has white space or a line end around it: strip it"

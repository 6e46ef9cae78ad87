"""Which texts are opaque tokens: decided by their form alone."""

from __future__ import annotations

from typing import Any

import pytest

from rightkey.jose.opaque import MAX_OPAQUE, is_opaque


@pytest.mark.parametrize(
    "text",
    ["mF_9.B5f-4.1JqM.x", "2YotnFZFEjr1zCsicMWpAA", "a", "a.b", "ab~+/==", "e.y.J.w.e", "x" * MAX_OPAQUE],
)
def test_the_letters_of_a_bearer_token_and_no_three_parts(text: str) -> None:
    """As text and as octets (RFC 6750, section 2.1); five parts are encrypted, and opaque to us."""
    assert is_opaque(text)
    assert is_opaque(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        "..",
        "eyJ.a.b",
        "v4.local.x",
        "a b",
        "a\n",
        "a,b",
        "é",
        "a=b",
        "=",
        "x" * (MAX_OPAQUE + 1),
    ],
)
def test_whatever_has_three_parts_is_a_jwt_and_other_texts_are_none(text: str) -> None:
    assert not is_opaque(text)
    assert not is_opaque(text.encode())


@pytest.mark.parametrize("text", ["undefined", "null", "None", "NaN", "true", "False"])
def test_the_text_of_an_empty_value_is_no_token(text: str) -> None:
    """The issuer is not asked about it: its program has no token."""
    assert not is_opaque(text)


@pytest.mark.parametrize("raw", [None, 7, ["a"], bytearray(b"a")])
def test_another_type_is_left_to_what_reads_tokens(raw: Any) -> None:
    assert not is_opaque(raw)

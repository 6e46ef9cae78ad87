"""Which texts are opaque tokens: decided by their form alone."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rightkey.jose.opaque import MAX_OPAQUE, is_opaque


def segment(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


HEADER = segment(b'{"alg":"RS256"}')


@pytest.mark.parametrize(
    "text",
    [
        "mF_9.B5f-4.1JqM",  # RFC 7662, section 2.1
        "2YotnFZFEjr1zCsicMWpAA",
        "a",
        "a.b",
        "a.b.c",
        "..",
        "v4.local.x",
        "ab~+/==",
        f"{HEADER}.b",
        f"{HEADER}.b.c.d.e",
        f"{segment(b'[1]')}.b.c",
        "x" * MAX_OPAQUE,
    ],
)
def test_the_letters_of_a_bearer_token_that_is_no_jwt(text: str) -> None:
    """As text and as octets (RFC 6750, section 2.1); five parts are encrypted, and opaque to us."""
    assert is_opaque(text)
    assert is_opaque(text.encode())


@pytest.mark.parametrize(
    "first",
    [
        HEADER,
        HEADER + "A",
        HEADER + "AB",
        f"~{HEADER[:5]}~~{HEADER[5:]}",
        segment(b'{"alg":"none"}'),
        segment(b'{"alg":"RS256","alg":"none"}'),
        segment(b"{"),
        segment(b"{}"),
        segment(b'\n\t {"alg":"RS256"}'),
        segment(b'\xef\xbb\xbf{"alg":"RS256"}'),
        base64.b64encode(b'{"\xff\xfe\xfb":1}').decode().rstrip("="),
    ],
)
def test_what_anyone_may_read_as_a_jwt_is_one(first: str) -> None:
    """However badly it is spelled: it is refused as a JWT, and its issuer is not asked."""
    assert not is_opaque(f"{first}.b.c")
    assert not is_opaque(f"{first}.b.c".encode())


@pytest.mark.parametrize("text", ["", "a b", "a\n", "a,b", "\u00e9", "a=b", "=", "x" * (MAX_OPAQUE + 1)])
def test_other_texts_are_neither(text: str) -> None:
    assert not is_opaque(text)
    assert not is_opaque(text.encode())


@pytest.mark.parametrize("text", ["undefined", "null", "None", "NaN", "true", "False"])
def test_the_text_of_an_empty_value_is_no_token(text: str) -> None:
    """The issuer is not asked about it: its program has no token."""
    assert not is_opaque(text)


@pytest.mark.parametrize("raw", [None, 7, ["a"], bytearray(b"a")])
def test_another_type_is_left_to_what_reads_tokens(raw: Any) -> None:
    assert not is_opaque(raw)

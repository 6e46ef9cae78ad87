"""What the service is told of a token, and how a claim is written in a header."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey import Misconfigured
from rightkey.gateway.identity import Identity, written


def test_every_header_is_always_there() -> None:
    """Empty where there is no such claim, so that it replaces what a client sent."""
    identity = Identity(
        {"X-Auth-Subject": "sub", "X-Auth-Roles": "/realm_access/roles", "X-Auth-Org": "org~"}
    )
    claims = {"sub": "alice", "realm_access": {"roles": ["a", "b"]}}
    assert identity.lines(claims) == b"X-Auth-Subject: alice\r\nX-Auth-Roles: a,b\r\nX-Auth-Org: \r\n"
    assert identity.empty == b"X-Auth-Subject: \r\nX-Auth-Roles: \r\nX-Auth-Org: \r\n"
    assert identity.names == ("X-Auth-Subject", "X-Auth-Roles", "X-Auth-Org")


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("alice", "alice"),
        ("read:x write:x", "read:x write:x"),
        ("a,b", "a%2Cb"),
        ("100%", "100%25"),
        ("\u00e4\r\nX-Admin: 1", "%C3%A4%0D%0AX-Admin: 1"),
        (" a ", "%20a%20"),
        ("\ud800", "%ED%A0%80"),
        (["a", "b,c", 5, True], "a,b%2Cc,5,true"),
        ([], ""),
        (12, "12"),
        (1.5, "1.5"),
        (False, "false"),
        ({"a": ["b"]}, '{"a":["b"]}'),
        ([{"a": 1}], '[{"a":1}]'),
        ({"a": 1, "b": 2}, '{"a":1%2C"b":2}'),
        (None, ""),
        (object(), ""),
    ],
)
def test_how_a_claim_is_written(claim: Any, value: str) -> None:
    """In printable ASCII."""
    assert written(claim) == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_is_one_line_that_is_read_back(text: str) -> None:
    """No claim writes a header of its own."""
    value = written(text)
    assert value.isascii()
    assert value == "" or value.isprintable()
    assert value == value.strip()
    assert unquote(value) == text


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"X-User": "sub"}, "must begin with X-Auth-"),
        ({"X-Auth-": "sub"}, "must begin"),
        ({"X-Auth-a_b": "sub"}, "must begin"),
        ({"x-auth-status": "sub"}, "must begin"),
        ({"X-Auth-STATUS": "sub"}, "not be X-Auth-Status"),
        ({"X-Auth-Sub": "sub", "X-Auth-SUB": "iss"}, "the same name"),
        ({"X-Auth-Sub": ""}, "claim's name must not be empty"),
        ({"X-Auth-Sub": "/a~2"}, "JSON Pointer"),
        ({"X-Auth-Sub": 5}, "the name of a claim"),
    ],
)
def test_an_identity_that_cannot_be_is_told(claims: Any, message: str) -> None:
    """When it is built."""
    with pytest.raises(Misconfigured, match=message):
        Identity(claims)

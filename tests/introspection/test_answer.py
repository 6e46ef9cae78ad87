"""The answer: the examples of RFC 7662 and RFC 9701, and all that is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rightkey.exchange import Response
from rightkey.introspection.answer import (
    MAX_AGE,
    Unusable,
    active,
    failed,
    inactive,
    life_of,
    read,
    signed_document,
)
from rightkey.jose.jws import Header

RFC_7662 = {
    "active": True,
    "client_id": "l238j323ds-23ij4",
    "username": "jdoe",
    "scope": "read write dolphin",
    "sub": "Z5O3upPC88QrAjx00dis",
    "aud": "https://protected.example.net/resource",
    "iss": "https://server.example.com/",
    "exp": 1419356238,
    "iat": 1419350238,
    "extension_field": "twenty-seven",
}
"""Section 2.2."""
RFC_9701 = {
    "iss": "https://as.example.com/",
    "aud": "https://rs.example.com/resource",
    "iat": 1514797892,
    "token_introspection": {
        "active": True,
        "iss": "https://as.example.com/",
        "aud": "https://rs.example.com/resource",
        "iat": 1514797822,
        "exp": 1514797942,
        "client_id": "paiB2goo0a",
        "scope": "read write dolphin",
        "sub": "Z5O3upPC88QrAjx00dis",
        "birthdate": "1982-02-01",
        "given_name": "John",
        "family_name": "Doe",
        "jti": "t1FoCCaZd4Xv4ORJUWVUeTZfsKhW30CQCrWDDjwXy6w",
    },
}
"""Section 5."""


def answer(body: bytes, status: int = 200, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def header(typ: str | None, kind: str) -> Header:
    return Header("RS256", "k", typ, None, None, None, kind, {})


def test_the_example_of_an_active_token() -> None:
    claims = active(read(answer(json.dumps(RFC_7662).encode()), signed=False))  # type: ignore[arg-type]
    assert claims == {name: value for name, value in RFC_7662.items() if name != "active"}


def test_the_example_of_a_token_that_is_not_active() -> None:
    assert active(read(answer(b'{"active": false}'), signed=False)) is None  # type: ignore[arg-type]


def test_the_example_of_a_signed_answer() -> None:
    """What the JWT holds, once it is verified."""
    kind = header("token-introspection+jwt", "token-introspection+jwt")
    document = signed_document(kind, RFC_9701, 1514797900.0, 0.0)
    assert active(document) == {
        name: value
        for name, value in RFC_9701["token_introspection"].items()
        if name != "active"  # type: ignore[attr-defined]
    }


@pytest.mark.parametrize("state", ["true", "false", 1, 0, None, [], {}, [True]])
def test_only_true_and_false_themselves_are_answers(state: Any) -> None:
    """The text `false` is no token that is not active, and no active one."""
    with pytest.raises(Unusable, match="neither true nor false"):
        active({"active": state, "sub": "alice"})


def test_an_answer_without_active_is_none() -> None:
    with pytest.raises(Unusable, match="neither true nor false"):
        active({"sub": "alice"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"true",
        b"<html>",
        b'{"active": true',
        b'{"active": false, "active": true}',
        b"\xff\xfe",
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
def test_what_is_no_json_object_of_single_names_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unusable) as caught:
        read(answer(body), signed=False)
    assert caught.value.reason == "answer"


@pytest.mark.parametrize(
    ("body", "pauses"),
    [
        (b'{"active": true, "name": "\\ud83d"}', False),
        (b'{"active": true, "n": 1e999}', False),
        (b'{"active": true, "n": ' + b"9" * 5000 + b"}", False),
        (b'{"active": true, "sub": "a", "sub": "b"}', False),
        (b'{"active": true, "groups": [' + b"0," * 5001 + b"0]}", False),
        (b'\xef\xbb\xbf{"a":' + b"[" * 40 + b"]" * 40 + b"}", False),
        (b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", False),
        (b'{"active": tr', True),
        (b"<html>", True),
        (b"[1e999]", True),
        (b"", True),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_claim_that_cannot_be_read_is_of_one_token(body: bytes, pauses: bool) -> None:
    """Its user may have chosen it, and must not stand before the tokens of others."""
    with pytest.raises(Unusable) as caught:
        read(answer(body), signed=False)
    assert (caught.value.reason, caught.value.pauses) == ("answer", pauses)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 418, 429, 500, 503])
def test_another_status_is_no_answer(status: int) -> None:
    """Whatever the body says. What may be of one token alone is no reason to leave the issuer alone."""
    with pytest.raises(Unusable) as caught:
        read(answer(b'{"active": false}', status, retry_after="7"), signed=False)
    assert (caught.value.reason, caught.value.retry_after) == (f"http_{status}", 7.0)
    assert caught.value.pauses == (status not in (400, 404))


def test_a_redirect_is_told_with_the_way_out() -> None:
    with pytest.raises(Unusable, match="redirects to") as caught:
        read(answer(b"", 308, location="https://b.example/x"), signed=False)
    assert "endpoint=" in str(caught.value.hint)


@pytest.mark.parametrize(("status", "body"), [(401, b""), (403, b"{}"), (400, b'{"error":"invalid_client"}')])
def test_credentials_of_our_own_that_are_refused_are_told_as_that(status: int, body: bytes) -> None:
    with pytest.raises(Unusable, match="our own credentials were refused") as caught:
        read(answer(body, status), signed=False)
    assert (caught.value.reason, caught.value.pauses) == ("credentials", True)


def test_a_signed_answer_is_told_by_its_media_type() -> None:
    """Also where it was not asked for; and what must be signed is nothing else."""
    media = {"content_type": "Application/Token-Introspection+JWT; charset=utf-8"}
    for signed in (True, False):
        assert read(answer(b"a.b.c\n", **media), signed=signed) == "a.b.c"
    with pytest.raises(Unusable, match="no JWT"):
        read(answer(b"\xff", **media), signed=True)
    with pytest.raises(Unusable, match="not signed"):
        read(answer(b'{"active": true}', content_type="application/json"), signed=True)


@pytest.mark.parametrize(
    ("kind", "changes", "told"),
    [
        ("jwt", {}, "typ"),
        ("at+jwt", {}, "typ"),
        ("token-introspection+jwt", {"iat": None}, "iat"),
        ("token-introspection+jwt", {"iat": "1514797892"}, "iat"),
        ("token-introspection+jwt", {"iat": 1514797900 - MAX_AGE - 11}, "old"),
        ("token-introspection+jwt", {"iat": 1514797900 + MAX_AGE + 11}, "old"),
        ("token-introspection+jwt", {"iat": float("nan")}, "old"),
        ("token-introspection+jwt", {"token_introspection": None}, "no token_introspection"),
        ("token-introspection+jwt", {"token_introspection": [True]}, "no token_introspection"),
    ],
)
def test_another_jwt_of_the_issuer_is_no_signed_answer(kind: str, changes: dict[str, Any], told: str) -> None:
    """Nor is an old one: RFC 9701, sections 5 and 8.1."""
    with pytest.raises(Unusable, match=told):
        signed_document(header(kind, kind), RFC_9701 | changes, 1514797900.0, 10.0)


@pytest.mark.parametrize(
    ("exp", "life"),
    [(None, 30.0), (1100, 30.0), (1010, 10.0), (1001, 2.0), (900, 2.0), ("soon", 30.0), (float("inf"), 30.0)],
)
def test_an_answer_lives_until_exp_at_most(exp: Any, life: float) -> None:
    """About a token that has expired it is kept as one about a token that is not active."""
    assert life_of({"exp": exp}, 1000.0, 30.0, 2.0) == life


def test_the_errors_say_whose_fault_it_is() -> None:
    assert (inactive().code, inactive().status) == ("token_inactive", 401)
    error = failed("status 503", retry_after=3.0)
    assert (error.code, error.status, error.retry_after) == ("introspection_failed", 503, 3.0)

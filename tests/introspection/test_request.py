"""The introspection request: RFC 7662, section 2.1, with each way to authenticate."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.jose.test_signing import RSA, pem

from rightkey.exchange import Request
from rightkey.introspection.request import MAX_ANSWER, IntrospectionRequest, request_of
from rightkey.jose.jws import verify_jws
from rightkey.jose.keyset import KeySet
from rightkey.policy.introspection import Introspection

TOKEN = "mF_9.B5f-4.1JqM.~+/x=="


def asked(
    client_id: str = "us", secret: bytes = b"secret", token: str = TOKEN, **settings: Any
) -> tuple[Request, dict[str, list[str]]]:
    """The request, and its form."""
    about = IntrospectionRequest(
        token, b"", "https://server.example.com/introspect", "https://server.example.com", 1000.5
    )
    request = request_of(Introspection(client_id, secret, **settings), secret, about, "j-1", 2.0, 4.0)
    return request, parse_qs(request.body.decode(), keep_blank_values=True, strict_parsing=True)


def test_the_question_is_a_form() -> None:
    """With a hint of the kind, within the bounds, and nothing of it in a repr."""
    request, form = asked()
    assert form == {"token": [TOKEN], "token_type_hint": ["access_token"]}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/json"
    assert (request.connect_timeout, request.timeout, request.max_body) == (2.0, 4.0, MAX_ANSWER)
    assert TOKEN not in repr(request)


def test_the_example_of_a_question() -> None:
    """RFC 7662, section 2.1."""
    assert asked(token="mF_9.B5f-4.1JqM")[0].body == b"token=mF_9.B5f-4.1JqM&token_type_hint=access_token"


def test_a_signed_answer_is_asked_for_by_its_media_type() -> None:
    """RFC 9701, section 4."""
    assert asked(signed=True)[0].headers["accept"] == "application/token-introspection+jwt"


@pytest.mark.parametrize("secret", ["s%e+c r:t", "gX1fBat3bV", "ünïcode"])
def test_id_and_secret_are_encoded_before_they_are_joined(secret: str) -> None:
    """So that a colon is no end of the id (RFC 6749, section 2.3.1)."""
    request, form = asked("a:b", secret.encode())
    scheme, _, pair = request.headers["authorization"].partition(" ")
    client_id, _, shown = b64decode(pair).decode("ascii").partition(":")
    assert (scheme, unquote(client_id), unquote(shown)) == ("Basic", "a:b", secret)
    assert "+" not in shown
    assert form.keys() == {"token", "token_type_hint"}


def test_by_post_both_are_in_the_form() -> None:
    request, form = asked("a:b", b"s%e+c r:t", auth_method="client_secret_post")
    assert (form["client_id"], form["client_secret"]) == (["a:b"], ["s%e+c r:t"])
    assert "authorization" not in request.headers


@pytest.mark.parametrize("audience", [None, "https://server.example.com/token"])
def test_an_assertion_is_signed_and_short_lived(audience: str | None) -> None:
    """RFC 7523, section 3: for the issuer, unless another is named."""
    key = pem(RSA)
    request, form = asked(
        "us", key, auth_method="private_key_jwt", kid="k", assertion_audience=audience, algorithm="PS256"
    )
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert form["client_id"] == ["us"]
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jws = verify_jws(form["client_assertion"][0], KeySet.from_pem(public, kid="k"), algorithms=["PS256"])
    assert jws.header == {"alg": "PS256", "typ": "JWT", "kid": "k"}
    assert json.loads(jws.payload) == {
        "iss": "us",
        "sub": "us",
        "aud": audience or "https://server.example.com",
        "jti": "j-1",
        "iat": 1000,
        "exp": 1060,
    }
    assert "authorization" not in request.headers


def test_its_repr_holds_no_token() -> None:
    assert repr(IntrospectionRequest(TOKEN, b"", "", "", 0.0)) == "IntrospectionRequest(...)"

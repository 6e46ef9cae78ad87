"""Asking for a key set, and reading the answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable
from rightkey.exchange import Response
from rightkey.issuer.jwks import jwks_request, read_jwks
from rightkey.localissuer.keys.signing import SigningKey

URL = "https://issuer.example/keys"


def test_a_first_request_has_no_conditions() -> None:
    """Only what is wanted is said."""
    request = jwks_request(URL)
    assert request.url == URL
    assert list(request.headers) == ["accept"]
    assert request.headers["accept"] == "application/jwk-set+json, application/json, */*;q=0.1"


def test_what_is_held_can_be_renewed() -> None:
    """Validators go along, and a forced request passes by every cache (RFC 9111, section 5.2.1.4)."""
    headers = jwks_request(URL, etag='"1"', modified="Wed, 21 Oct 2015 07:28:00 GMT", forced=True).headers
    assert headers["if-none-match"] == '"1"'
    assert headers["if-modified-since"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "odd", ['"\x01"', '"\x7f"', '"\u20ac"', '"\xe9"', '"a\nb"', "", '"' + 1023 * "a" + '"']
)
def test_a_validator_that_cannot_be_sent_back_is_left_out(odd: str) -> None:
    """Else every later request would fail, and the keys would be gone at their bound."""
    assert list(jwks_request(URL, etag=odd, modified=odd).headers) == ["accept"]


def test_an_answer_is_read_as_published(signer: Callable[..., SigningKey]) -> None:
    """The world has what the issuer publishes: a private key in it is no key any more."""
    good, leaked = signer("ES256", "good"), signer("ES256", "leaked")
    document = {"keys": [good.public_jwk(), leaked.private_jwk()]}
    keys = read_jwks(Response(200, {}, b"\xef\xbb\xbf" + json.dumps(document).encode()))
    assert [key.kid for key in keys] == ["good"]
    assert [(one.kid, one.reason) for one in keys.skipped] == [("leaked", "private_key_published")]


@pytest.mark.parametrize("status", [204, 302, 304, 403, 404, 429, 500, 503])
def test_any_other_status_is_an_outage(status: int) -> None:
    """Its body is not looked at."""
    with pytest.raises(IssuerUnavailable, match=str(status)) as caught:
        read_jwks(Response(status, {"retry-after": "3"}, b'{"keys": []}'))
    assert (caught.value.code, caught.value.retry_after) == ("keys_unavailable", 3.0)


def test_html_is_no_key_set() -> None:
    """However good its status."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_jwks(Response(200, {}, b"<html></html>"))
    assert caught.value.code == "keyset_invalid"
    assert "captive portal" in str(caught.value.hint)


def test_metadata_are_no_key_set() -> None:
    """The hint names the settings that are meant; other objects have none."""
    body = json.dumps({"issuer": "https://issuer.example", "jwks_uri": URL}).encode()
    with pytest.raises(IssuerMisbehaved, match="metadata") as caught:
        read_jwks(Response(200, {}, body))
    assert caught.value.code == "keyset_invalid"
    assert "metadata_url=" in str(caught.value.hint)
    with pytest.raises(IssuerMisbehaved) as caught:
        read_jwks(Response(200, {}, b'{"x": 1}'))
    assert caught.value.hint is None

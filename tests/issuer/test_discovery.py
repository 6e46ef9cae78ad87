"""Metadata: whose it must be, and where it may say the keys are."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable, RightkeyError
from rightkey.exchange import Response
from rightkey.issuer.discovery import metadata_requests, read_metadata
from rightkey.issuer.name import Issuer

ISSUER = Issuer.parse("https://issuer.example/")
GOOD = {"issuer": "https://issuer.example/", "jwks_uri": "https://keys.example/jwks?v=1"}


def answer(body: Any = None, status: int = 200, **headers: str) -> Response:
    text = body if isinstance(body, bytes) else json.dumps(GOOD | (body or {})).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


def test_two_places_are_asked() -> None:
    """OpenID's first, for JSON."""
    requests = metadata_requests(ISSUER)
    assert [request.url for request in requests] == list(ISSUER.metadata_urls)
    assert all(request.headers == {"accept": "application/json"} for request in requests)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_good_metadata_is_read(mark: bytes) -> None:
    """Whatever its media type, and behind a byte order mark too; all of it can be looked at."""
    metadata = read_metadata(
        ISSUER, answer(mark + json.dumps(GOOD | {"x": 1}).encode(), content_type="text/html")
    )
    assert (metadata.issuer, metadata.jwks_uri) == (GOOD["issuer"], GOOD["jwks_uri"])
    assert metadata.document["x"] == 1
    assert "document" not in repr(metadata)


@pytest.mark.parametrize("spelling", ["https://issuer.example", "https://issuer.example/"])
def test_a_domain_learns_its_spelling(spelling: str) -> None:
    """Either passes, and what is stated is from then on the issuer."""
    assert read_metadata(Issuer.parse("issuer.example"), answer({"issuer": spelling})).issuer == spelling


@pytest.mark.parametrize(
    ("name", "stated", "hinted"),
    [
        ("https://issuer.example/", "https://issuer.example", True),
        ("https://issuer.example", "https://issuer.example/", True),
        ("https://issuer.example/", "https://evil.example/", False),
        ("https://issuer.example/", "https://issuer.example/t", False),
        ("https://issuer.example/", "https://Issuer.example/", False),
        ("issuer.example", "http://issuer.example", False),
        ("issuer.example", "issuer.example", False),
        ("issuer.example", "https://issuer.example//", True),
        ("issuer.example", "", False),
    ],
)
def test_another_issuers_metadata(name: str, stated: str, hinted: bool) -> None:
    """It is refused, and where only the slash differs that is said."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(Issuer.parse(name), answer({"issuer": stated}))
    assert caught.value.code == "issuer_mismatch"
    assert (caught.value.hint is not None) is hinted


def test_a_foreign_name_is_escaped_and_cut() -> None:
    """What a stranger's document says may be logged."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(ISSUER, answer({"issuer": "\n\x1b[31m\u202e" + "x" * 10_000}))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


NO_METADATA = {
    "HTML": b"<html>sign in</html>",
    "empty": b"",
    "an array": b"[]",
    "a name twice": b'{"issuer": "https://issuer.example/", "issuer": "https://evil.example"}',
    "a name twice inside": b'{"x": {"a": 1, "a": 2}}',
    "deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "Latin 1": '{"issuer": "é"}'.encode("latin-1"),
    "no issuer": json.dumps({"jwks_uri": GOOD["jwks_uri"]}).encode(),
    "no string": json.dumps(GOOD | {"issuer": [GOOD["issuer"]]}).encode(),
}


@pytest.mark.parametrize("body", NO_METADATA.values(), ids=NO_METADATA)
def test_what_is_no_metadata(body: bytes) -> None:
    """It is refused, status 200 or not, and nothing of it is quoted."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(ISSUER, answer(body))
    assert caught.value.code == "metadata_invalid"
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        5,
        [],
        "/keys",
        "keys",
        "file:///etc/passwd",
        "ftp://issuer.example/keys",
        "data:application/json,{}",
        "gopher://issuer.example/keys",
        "http://issuer.example/keys",
        "http://127.0.0.1/keys",
        "HTTP://localhost/keys",
        "https://user@issuer.example/keys",
        "https://issuer.example/keys#",
        "https://issuer.example/ke ys",
        "https://issuer.example/\u00e9",
        "https://",
    ],
)
def test_where_keys_cannot_be(uri: Any) -> None:
    """Only https is asked; an issuer on the network has no keys on this machine."""
    with pytest.raises(IssuerMisbehaved, match="jwks_uri") as caught:
        read_metadata(ISSUER, answer({"jwks_uri": uri}))
    assert caught.value.code == "metadata_invalid"


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5000/keys", "http://localhost/keys", "https://keys.example/keys"]
)
def test_an_issuer_on_this_machine(uri: str) -> None:
    """May have its keys here over http, or elsewhere over https."""
    name = "http://localhost:5000"
    assert read_metadata(Issuer.parse(name), answer({"issuer": name, "jwks_uri": uri})).jwks_uri == uri


@pytest.mark.parametrize("status", [201, 204, 301, 304, 401, 404, 429, 500, 503])
def test_any_other_status_is_an_outage(status: int) -> None:
    """Only 200 is read, even where the body looks good; 404 hints at the name."""
    with pytest.raises(IssuerUnavailable, match=str(status)) as caught:
        read_metadata(ISSUER, answer(status=status, retry_after="7"))
    assert (caught.value.code, caught.value.retry_after) == ("discovery_failed", 7.0)
    assert (caught.value.hint is not None) is (status in (401, 404))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["issuer", "jwks_uri", "x"]), inner),
    max_leaves=5,
)


@given(st.integers(100, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_else_leaves(status: int, body: bytes) -> None:
    """Any answer is metadata, or an error of ours."""
    with contextlib.suppress(RightkeyError):
        read_metadata(ISSUER, Response(status, {}, body))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "a.localhost"])
def test_an_issuer_on_the_network_cannot_name_this_machine(scheme: str, host: str) -> None:
    """By no scheme and no spelling: it would have us ask a service that listens here alone."""
    for issuer in (ISSUER, Issuer.parse("http://keycloak/", plain_http=["keycloak"])):
        document = {"issuer": issuer.name, "jwks_uri": f"{scheme}://{host}:8443/keys"}
        with pytest.raises(IssuerMisbehaved) as caught:
            read_metadata(issuer, answer(document))
        assert caught.value.code == "metadata_invalid"


def test_keys_by_plain_http_are_for_hosts_that_are_named() -> None:
    """Metadata that came over https lead to http only where that host is named."""
    document = {"jwks_uri": "http://keys.internal:8080/jwks"}
    named = Issuer.parse(ISSUER.name, plain_http=["keys.internal"])
    assert read_metadata(named, answer(document)).jwks_uri == document["jwks_uri"]
    for issuer in (ISSUER, Issuer.parse(ISSUER.name, plain_http=["issuer.example"])):
        with pytest.raises(IssuerMisbehaved, match="plain http"):
            read_metadata(issuer, answer(document))


def test_a_redirect_is_told_with_its_target() -> None:
    """And with the way out."""
    with pytest.raises(
        IssuerUnavailable, match=r"redirects to 'https://other\.example/a'.*not followed"
    ) as caught:
        read_metadata(ISSUER, answer(status=301, location="https://other.example/a"))
    assert caught.value.hint is not None

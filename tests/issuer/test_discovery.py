"""Metadata: whose it must be, and where it may say the keys are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightkey.errors import IssuerMisbehaved, IssuerUnavailable, RightkeyError
from rightkey.exchange import Response
from rightkey.issuer.discovery import is_elsewhere, metadata_requests, read_metadata
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
    assert all(request.headers == {"accept": "application/json, */*;q=0.1"} for request in requests)


FEW = {200, 204, 301, 404, 429, 500, 503}
STATUSES = [pytest.param(one, marks=[] if one in FEW else [pytest.mark.slow]) for one in range(200, 600)]


@pytest.mark.parametrize("status", STATUSES)
def test_the_next_place_is_asked_after_any_refusal(status: int) -> None:
    """Redirects and 4xx, as clients of MCP do; not after 408, 425 and 429, which say to come back later."""
    assert is_elsewhere(status) is (300 <= status < 500 and status not in (408, 425, 429))


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
        ("https://issuer.example/", "https://issuer.example/realms/x", False),
        ("issuer.example", "http://issuer.example", False),
        ("issuer.example", "issuer.example", False),
        ("issuer.example", "https://issuer.example//", True),
        ("issuer.example", "", False),
    ],
)
def test_another_issuers_metadata(name: str, stated: str, hinted: bool) -> None:
    """It is refused. The hint says that the slash alone differs, or how to name one that is elsewhere."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(Issuer.parse(name), answer({"issuer": stated}))
    assert caught.value.code == "issuer_mismatch"
    assert ("only the slash" in str(caught.value.hint)) is hinted
    assert ("metadata_url=" in str(caught.value.hint)) is not hinted


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


@pytest.mark.parametrize("odd", ["1e999", '"\\ud83d"', '["\\ud83d"]', "9" * 400])
def test_an_odd_member_that_is_not_asked_for_harms_nothing(odd: str) -> None:
    """Such as a text for people that was cut within a character; of those that are, it is none."""
    good = json.dumps(GOOD)
    metadata = read_metadata(ISSUER, answer(f'{good[:-1]}, "service_documentation": {odd}}}'.encode()))
    assert metadata.jwks_uri == GOOD["jwks_uri"]
    assert metadata.document.get("service_documentation") in (None, [])
    for name in GOOD:
        body = json.dumps({key: value for key, value in GOOD.items() if key != name})
        with pytest.raises(IssuerMisbehaved):
            read_metadata(ISSUER, answer(f'{body[:-1]}, "{name}": {odd}}}'.encode()))


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
        "https://127.0.0.1/keys",
        "https://localhost:8443/keys",
        "https://127.1/keys",
        "https://[::ffff:7f00:1]/keys",
        "https://0.0.0.0/keys",
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
    assert (caught.value.hint is not None) is (status in (301, 401, 404))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["issuer", "jwks_uri", "x"]), inner),
    max_leaves=5,
)


@given(st.integers(100, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_else_leaves(status: int, body: bytes) -> None:
    """Any answer is metadata of this issuer, or an error of ours."""
    try:
        stated = read_metadata(ISSUER, Response(status, {}, body)).issuer
    except RightkeyError:
        stated = GOOD["issuer"]
    assert stated == GOOD["issuer"]


def test_the_refusal_that_says_most_is_told() -> None:
    """A 404 at the last place says less than what the first one answered."""
    for answers, told in (((403, 404), "403"), ((404, 404), "404"), ((404, 401), "401"), ((302, 404), "302")):
        with pytest.raises(IssuerUnavailable, match=told):
            read_metadata(ISSUER, *(answer(status=status) for status in answers))
    assert read_metadata(ISSUER, answer(status=403), answer()).issuer == GOOD["issuer"]


def test_a_redirect_is_told_with_its_target() -> None:
    """Which is not followed; a stranger's text is escaped and cut."""
    told = r"status 302 redirects to 'https://other\.example/x'"
    with pytest.raises(IssuerUnavailable, match=told) as caught:
        read_metadata(ISSUER, answer(status=302, location="https://other.example/x"))
    assert "not followed" in str(caught.value.hint)
    with pytest.raises(IssuerUnavailable) as caught:
        read_metadata(ISSUER, answer(status=302, location="\x1b[31m" + "x" * 10_000))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("body", "what", "hint"),
    [
        ({"keys": []}, "key set", "keys="),
        ({"resource": "https://api", "authorization_servers": ["https://a"]}, "RFC 9728", "as the issuer"),
        ({"realm": "shop", "public_key": "MII"}, "page about the issuer", ".well-known"),
        ({"error": "not_found"}, "an error", "application"),
        ("<!DOCTYPE html>", "web page", "captive portal"),
        ("  ", "empty", None),
        ({"jwks_uri": "https://a/k"}, "does not state its issuer", None),
    ],
    ids=str,
)
def test_what_answers_in_place_of_metadata_is_told(body: Any, what: str, hint: str | None) -> None:
    """With the setting that its URL belongs to, or what may have answered."""
    octets = (body if isinstance(body, str) else json.dumps(body)).encode()
    with pytest.raises(IssuerMisbehaved, match=what) as caught:
        read_metadata(ISSUER, Response(200, {}, octets))
    assert caught.value.code == "metadata_invalid"
    assert caught.value.hint is None if hint is None else hint in str(caught.value.hint)


def test_metadata_elsewhere_state_the_issuer_that_was_named() -> None:
    """Exactly, and may have their keys on this machine only where they themselves are."""
    here = Issuer.parse("shop", metadata_url="http://localhost:8080/metadata")
    document = {"issuer": "shop", "jwks_uri": "http://localhost:8080/keys"}
    found = read_metadata(here, answer(document))
    assert (found.expected, found.jwks_uri) == (("shop",), document["jwks_uri"])
    with pytest.raises(IssuerMisbehaved, match="not of 'shop'"):
        read_metadata(here, answer(document | {"issuer": "https://localhost:8080"}))
    away = Issuer.parse("http://localhost:8080", metadata_url="https://meta.example/m")
    with pytest.raises(IssuerMisbehaved, match="this machine"):
        read_metadata(
            away, answer({"issuer": "http://localhost:8080", "jwks_uri": "http://localhost:8080/k"})
        )


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


def test_metadata_that_are_not_where_they_were_said_to_be() -> None:
    """The whole URL is meant, and not its beginning."""
    elsewhere = Issuer.parse("shop", metadata_url="https://meta.example")
    for issuer, hint in ((elsewhere, "the whole URL"), (ISSUER, "named by metadata_url=")):
        with pytest.raises(IssuerUnavailable) as caught:
            read_metadata(issuer, answer(status=404))
        assert hint in str(caught.value.hint)


@pytest.mark.parametrize("stated", ["https://Issuer.example/", "https://issuer.example:443/"])
def test_metadata_that_spell_their_issuer_otherwise_say_how(stated: str) -> None:
    """To name it as they do is all; http in place of https needs more than a name."""
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(ISSUER, answer({"issuer": stated}))
    assert f"differs: name the issuer '{stated}'" in str(caught.value.hint)
    with pytest.raises(IssuerMisbehaved) as caught:
        read_metadata(ISSUER, answer({"issuer": stated.replace("https", "http")}))
    assert "metadata_url=" in str(caught.value.hint)


def test_metadata_that_would_take_much_memory_are_refused() -> None:
    """They are kept as long as the issuer is known. What stands inside of a string counts once."""
    with pytest.raises(IssuerMisbehaved, match="more than 5,000 commas"):
        read_metadata(ISSUER, answer({"x": [{}] * 2500}))
    for size in (2000, 4990):
        read_metadata(ISSUER, answer({"scopes_supported": ["openid"] * size}))
    assert read_metadata(ISSUER, answer({"x": "[{," * 100_000})).issuer == ISSUER.name

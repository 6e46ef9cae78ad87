"""Where a request may carry its token, and how it is written there."""

from __future__ import annotations

import pytest

import rightkey
from rightkey.errors import RequestMalformed
from rightkey.integrations.bearer import Bearer, cookie, header, query, subprotocol
from rightkey.integrations.carriers import AUTHORIZATION, MAX_PARTS, Carrier, is_token, offered, withheld

PADDED = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0=.AAAAAA=="
"""As AWS load balancers write them."""


@pytest.mark.parametrize("token", [PADDED, "a==.b.c", "a.b=.c", "a.b.c==", "a", "a=", "~+/-._"])
def test_a_token_may_be_padded_part_by_part(token: str) -> None:
    """RFC 6750, section 2.1, pads its end only; load balancers pad each part."""
    assert is_token(token)


@pytest.mark.parametrize(
    "token", ["", "a=b", "a b", "a,b", "a\n", "é", "a=.b.c.d=.e", "=", "a..=b", "a\x00", '"a"', "a;b"]
)
def test_anything_else_is_not_a_token(token: str) -> None:
    """Nor is what only begins like one."""
    assert not is_token(token)


@pytest.mark.parametrize(
    ("carrier", "headers", "query_string"),
    [
        (AUTHORIZATION, [("authorization", f"Bearer {PADDED}")], ""),
        (header("x-amzn-oidc-data"), [("X-Amzn-Oidc-Data", PADDED)], ""),
        (cookie("session"), [("cookie", f"a=b; session={PADDED}")], ""),
        (cookie("session"), [("cookie", f'a=b; session="{PADDED}"')], ""),
        (query("token"), [], f"token={PADDED}"),
        (subprotocol(), [("sec-websocket-protocol", f"bearer, {PADDED}")], ""),
    ],
)
def test_every_carrier_carries_a_padded_token(
    carrier: Carrier,
    headers: list[tuple[str, str]],
    query_string: str,
) -> None:
    """A cookie stands in quotes where frameworks find `=` in it."""
    assert Bearer(carrier).token(headers, query_string) == PADDED


@pytest.mark.parametrize(
    "value",
    [
        "Basic YTpi,Bearer a",
        "Basic YTpi, bearer a",
        "Bearer a,Bearer a",
        "Bearer a, Basic YTpi",
        'Digest username="a", Bearer b',
    ],
)
def test_several_headers_that_a_server_joined_are_still_several(value: str) -> None:
    """RFC 9110, section 5.3: WSGI servers join them by commas."""
    with pytest.raises(rightkey.RequestMalformed):
        Bearer().token([("authorization", value)])


@pytest.mark.parametrize(
    "value",
    ["Bearer\t", "Bearer\xa0", "\xa0Bearer ", "\x85bearer ", "Bearer:", "DPoP\t", "Bearer\t ", 'Bearer"'],
)
@pytest.mark.parametrize("token", [PADDED, "forged", ""])
def test_another_space_after_the_scheme_hides_no_token(value: str, token: str) -> None:
    """An application that splits the header at any white space sees a token: a request that needs none is not
    let in as one without."""
    with pytest.raises(RequestMalformed) as caught:
        Bearer().token_or_none([("authorization", value + token)])
    assert caught.value.code == "request_malformed"


@pytest.mark.parametrize(
    "value", ["Bearers a", "Bearer-x a", 'Digest a="b", bearer="c"', "Basic bearer", "bearer=a"]
)
def test_another_scheme_is_none_of_ours(value: str) -> None:
    """Though its name, or one of its parameters, begins as ours."""
    assert Bearer().token_or_none([("authorization", value)]) is None


def test_a_browsers_websocket_names_its_token_after_bearer() -> None:
    """In one header or in several, among subprotocols of the application's own."""
    bearer = Bearer(subprotocol())
    for headers in (
        [("Sec-WebSocket-Protocol", "bearer, a.b.c")],
        [("Sec-WebSocket-Protocol", "chat,bearer,a.b.c ,other")],
        [("Sec-WebSocket-Protocol", "bearer"), ("Sec-WebSocket-Protocol", "a.b.c")],
    ):
        assert bearer.token(headers) == "a.b.c"
    assert bearer.token_or_none([("Sec-WebSocket-Protocol", "chat, a.b.c")]) is None
    for value in ("bearer", "bearer, a, bearer, b", "chat, bearer"):
        with pytest.raises(rightkey.RequestMalformed) as caught:
            bearer.token([("Sec-WebSocket-Protocol", value)])
        assert caught.value.status == 400
    assert caught.value.hint in (
        "send one token, once",
        "send the token as the websocket subprotocol after bearer",
    )


def test_what_is_offered_beside_the_token_is_known_without_it() -> None:
    """So that an application chooses among subprotocols, and never the token."""
    assert offered("bearer", "chat, bearer, a.b.c, other") == ["chat", "bearer", "other"]
    assert offered("bearer", "bearer") == ["bearer"]
    assert offered("bearer", "") == []


def test_a_subprotocol_may_hold_the_token_in_base64url() -> None:
    """As in Kubernetes; one that is not canonical, or twice there, is no token."""
    name = "base64url.bearer.authorization.k8s.io."
    bearer = Bearer(subprotocol(name))
    assert bearer.token([("Sec-WebSocket-Protocol", f"chat, {name}YS5iLmM")]) == "a.b.c"
    for value in (
        name,
        f"{name}YS5iLmN",
        f"{name}YS5iLmM=",
        f"{name}\xe9",
        f"{name}w6k",
        f"{name}YQ, {name}YQ",
    ):
        with pytest.raises(rightkey.RequestMalformed):
            bearer.token([("Sec-WebSocket-Protocol", value)])
    with pytest.raises(rightkey.TokenRejected) as caught:
        bearer.token([("Sec-WebSocket-Protocol", "bearer, a.b.c")])
    assert caught.value.code == "token_missing"
    assert str(caught.value.hint).endswith(f"that begins with {name}")
    assert offered(name, f"chat, {name}YS5iLmM, bearer") == ["chat", "bearer"]
    assert withheld(name, f"chat, {name}YS5iLmM, bearer") == [f"{name}YS5iLmM"]
    assert withheld("bearer", "bearer, a.b.c, chat") == ["a.b.c"]


def test_only_the_headers_that_carry_need_be_looked_at() -> None:
    """Whatever else a request has."""
    assert Bearer([AUTHORIZATION, cookie("a"), query(), subprotocol()]).header_names == {
        "authorization",
        "cookie",
        "dpop",
        "sec-websocket-protocol",
    }
    assert Bearer(header("X-Token")).header_names == {"x-token"}


def test_openapi_shows_where_a_token_is() -> None:
    """A header of its own, a cookie and a parameter are API keys; all else is a bearer token."""
    assert header("X-Token").scheme == {"type": "apiKey", "in": "header", "name": "X-Token"}
    assert cookie("session").scheme == {"type": "apiKey", "in": "cookie", "name": "session"}
    assert query("t").scheme == {"type": "apiKey", "in": "query", "name": "t"}
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert AUTHORIZATION.scheme == subprotocol().scheme == bearer


@pytest.mark.parametrize(
    ("carrier", "name", "separator", "piece"),
    [
        (subprotocol(), "sec-websocket-protocol", ",", "bearer"),
        (cookie("s"), "cookie", ";", "s=a"),
        (query("s"), "", "&", "s=a"),
    ],
)
def test_of_thousands_of_pieces_a_bounded_number_is_looked_at(
    carrier: Carrier, name: str, separator: str, piece: str
) -> None:
    """To take 64 KiB of them apart took up to 300 ms, which any stranger could ask for."""
    many = separator.join([piece] * 9000)
    headers = [(name, many)] if name else []
    assert 2 <= len(carrier.carried(headers, "" if name else many)) <= MAX_PARTS
    with pytest.raises(rightkey.RequestMalformed):
        Bearer(carrier).token(headers, "" if name else many)


def test_what_is_not_looked_at_is_not_shown_either() -> None:
    """Among thousands of subprotocols a token could otherwise reach the application."""
    many = ",".join([*(f"a{n}" for n in range(MAX_PARTS)), "bearer", "a.b.c"])
    assert offered("bearer", many) == [f"a{n}" for n in range(MAX_PARTS)]


def test_a_bearer_token_is_found_in_the_second_place_of_a_joined_header() -> None:
    """Whatever the letters' case, and with any white space; a scheme that only begins so is another."""
    assert AUTHORIZATION.carried([("authorization", "Basic a, \tBEARER b")], "") == ["Basic a, \tBEARER b"]
    assert AUTHORIZATION.carried([("authorization", "Basic a,bearertoken b")], "") == []


def test_one_subprotocol_carries_a_token() -> None:
    """Behind a second name it would be shown to the application, which may answer with it."""
    with pytest.raises(rightkey.Misconfigured, match="only one of the carriers"):
        Bearer([subprotocol("a"), subprotocol("b")])

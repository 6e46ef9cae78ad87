"""Requests, responses and the failure to have one."""

from __future__ import annotations

import pickle

import pytest

from rightkey.exchange import ExchangeFailed, Request, Response, plain_http_of
from rightkey.transport.default import DefaultTransport


def after(headers: dict[str, str]) -> float | None:
    return Response(503, headers, b"").retry_after


def test_a_request_is_bounded() -> None:
    """Without asking for it, every request has its bounds: 2 s, 4 s, 512 KiB."""
    request = Request("https://issuer.example")
    assert (request.connect_timeout, request.timeout, request.max_body) == (2.0, 4.0, 524288)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("120", 120), (" 7 ", 7), ("9" * 40, 999_999_999)])
def test_retry_after_in_seconds(value: str, seconds: float) -> None:
    """A number is a number of seconds, however large."""
    assert after({"retry-after": value}) == seconds


SERVER = {"date": "Wed, 21 Oct 2015 07:28:00 GMT"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Wed, 21 Oct 2015 07:29:30 GMT", 90),
        ("Wed, 21 Oct 2015 09:29:30 +0200", 90),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0),
    ],
)
def test_retry_after_a_date(value: str, seconds: float) -> None:
    """A date counts from the server's own, and is never before now."""
    assert after(SERVER | {"retry-after": value}) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1.5",
        "²",
        "٣",
        "Wed, 21 Oct",
        "Wed, 21 Oct 2015 07:29:30 -0000",
        "Wed, 99 Oct 2015 99:99:99 GMT",
    ],
)
def test_retry_after_of_no_meaning(value: str) -> None:
    """What cannot be read says nothing."""
    assert after(SERVER | {"retry-after": value}) is None


def test_retry_after_needs_the_servers_date() -> None:
    """A date says nothing where the server does not say what time it has; and absence says nothing."""
    assert after({"retry-after": "Wed, 21 Oct 2015 07:29:30 GMT"}) is None
    assert after(SERVER | {"date": "today", "retry-after": "Wed, 21 Oct 2015 07:29:30 GMT"}) is None
    assert after(SERVER) is None


def test_a_failure_has_a_word_and_a_message() -> None:
    """The word is for metrics, the message for people; both survive pickling."""
    failed = pickle.loads(pickle.dumps(ExchangeFailed("timeout", "no answer in 4 s")))
    assert (failed.reason, str(failed)) == ("timeout", "no answer in 4 s")


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other.example/a", "'https://other.example/a'"),
        ("/relative", "'/relative'"),
        ("https://me:hunter2@other.example/a?state=hunter2#hunter2", "'https://other.example/a'"),
        ("https://other.example/\x1b[31m\u202e", "'https://other.example/\\x1b[31m\\u202e'"),
        ("https://[hunter2", "'an address that cannot be read'"),
    ],
)
def test_where_a_redirect_leads(location: str, shown: str) -> None:
    """Escaped, and without what may be a secret."""
    refusal = Response(302, {"location": location}, b"").refusal
    assert refusal == f"status 302 redirects to {shown}"


def test_a_long_target_is_cut() -> None:
    """A server cannot fill a log."""
    assert len(Response(302, {"location": "/a" * 9999}, b"").refusal) < 300


def test_what_a_status_says() -> None:
    """Only where it says something: a Location elsewhere than at a redirect does not."""
    assert Response(500, {"location": "/"}, b"").refusal == "status 500"
    assert Response(304, {}, b"").refusal == "status 304"
    hints = [Response(status, {}, b"").hint for status in (200, 304, 401, 403, 404, 407, 511)]
    assert [hint is not None for hint in hints] == [False, False, True, True, False, True, True]
    assert Response(301, {"location": "/"}, b"").hint is not None


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_page_for_people_is_told_as_one(status: int) -> None:
    """A portal, a sign-in or a firewall answered in the server's place."""
    assert "captive portal" in str(Response(status, {}, b"\n <html>").hint)
    assert Response(404, {}, b"<html>").hint is None


def test_which_hosts_a_transport_may_ask_by_http() -> None:
    """None, where it does not say."""
    assert plain_http_of(DefaultTransport(plain_http=["keycloak"])) == ("keycloak",)
    assert plain_http_of(Mine()) == ()


class Mine:
    """A transport of one's own."""

    def get(self, request: Request, /) -> Response:
        return Response(200, {}, b"")

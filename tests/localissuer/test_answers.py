"""The local issuer's answers, before they travel."""

from __future__ import annotations

import pytest

from rightkey.localissuer.answers import Answer, Request, document_answer, revalidated


def test_the_query_is_no_part_of_the_path() -> None:
    """What is asked is found by its path."""
    assert Request("GET", "/keys?x=1", {}).path == "/keys"


def test_cache_control_is_sent_where_set() -> None:
    """None sends no such header."""
    assert "cache-control" not in document_answer({}, None).headers
    assert document_answer({}, "max-age=600").headers["cache-control"] == "max-age=600"


@pytest.mark.parametrize("how", ["{}", "W/{}", '"other", {}', "*"])
def test_a_held_etag_is_answered_304(how: str) -> None:
    """Weak, listed or any: If-None-Match as RFC 9110, section 13.1.2 compares it."""
    answer = document_answer({"keys": []}, "max-age=600")
    tag = revalidated(answer, Request("GET", "/", {})).headers["etag"]
    again = revalidated(answer, Request("GET", "/", {"if-none-match": how.format(tag)}))
    assert (again.status, again.body) == (304, b"")
    assert again.headers == {"cache-control": "max-age=600", "etag": tag}
    assert "content-length" not in again.sent_headers


def test_another_document_has_another_etag() -> None:
    """A changed set is sent whole."""
    first = revalidated(document_answer({"keys": []}, None), Request("GET", "/", {}))
    asked = Request("GET", "/", {"if-none-match": first.headers["etag"]})
    assert revalidated(document_answer({"keys": [1]}, None), asked).status == 200


def test_padding_counts_as_body() -> None:
    """Content-Length speaks of all that is sent."""
    assert Answer(200, {}, b"{}", padding=10).sent_headers["content-length"] == "12"

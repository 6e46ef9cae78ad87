"""How a request is written."""

from __future__ import annotations

import pytest

from rightkey.transport.request import written


def test_a_request_has_lines() -> None:
    """The first, one for each header field, and a blank one."""
    assert (
        written("GET", "/a?b", {"Host": "x", "A": "é"}) == b"GET /a?b HTTP/1.1\r\nHost: x\r\nA: \xe9\r\n\r\n"
    )


@pytest.mark.parametrize(
    "field",
    [
        ("A", "secret\r\nB: c"),
        ("A", "secret\n"),
        ("A", "secret\0"),
        ("A", "secret\x7f"),
        ("A", "sécret€"),
        ("A b", "secret"),
        ("", "secret"),
        ("A:", "secret"),
    ],
)
def test_no_field_can_begin_another(field: tuple[str, str]) -> None:
    """Nor is what was refused quoted."""
    with pytest.raises(ValueError, match="cannot have") as caught:
        written("GET", "/", dict([field]))
    assert "secret" not in str(caught.value)

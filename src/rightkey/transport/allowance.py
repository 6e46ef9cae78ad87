"""How many octets an answer may still have, wherever in it they stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from rightkey.exchange import ExchangeFailed

AROUND = 64 * 1024
"""Octets that may come beside the body: TLS records, a proxy's answer, interim answers (1xx), status lines,
header fields, the framing of chunks, and trailers."""

MAX_FIELDS = 100
"""Header fields and trailers of one answer, those of interim answers included."""


@dataclass(slots=True)
class Allowance:
    """What is left of the bounds of one exchange: `max_body` + 64 KiB in all, and 100 header fields.

    Octets are counted where they leave the socket, below TLS. Those of the body are given back when the body
    is read: so nothing that surrounds a body can be larger than 64 KiB, whatever it is.
    """

    max_body: int
    left: int = AROUND
    _body: int = 0
    _lines: int = field(default=MAX_FIELDS + 1)  # one is the status line

    def count_received(self, octets: int) -> None:
        """Count octets that have left the socket; never more than `left`."""
        self.left -= octets

    def require_some(self) -> int:
        """How many octets may be read at once. Raises ExchangeFailed: `too_large`, where none may."""
        if self.left <= 0:
            raise ExchangeFailed(
                "too_large", f"the answer has more than {AROUND // 1024} KiB outside its body"
            )
        return self.left

    def count_body(self, octets: int) -> None:
        """Count octets as the body's, and give them back to `left`. Raises ExchangeFailed: `too_large`, where
        the body has too many."""
        self._body += octets
        if self._body > self.max_body:
            raise ExchangeFailed("too_large", f"the body is larger than the {self.max_body} bytes allowed")
        self.left += octets

    def count_line(self) -> None:
        """Count a status line, a header field or a trailer. Raises ExchangeFailed: `too_large`."""
        self._lines -= 1
        if self._lines < 0:
            raise ExchangeFailed("too_large", f"the answer has more than {MAX_FIELDS} header fields")

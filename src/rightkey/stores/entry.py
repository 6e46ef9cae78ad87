"""Entry: an issuer's answer as octets that a store keeps, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rightkey.exchange import Response

KEPT = ("age", "cache-control", "content-type", "date", "etag", "expires", "last-modified")
"""The header fields that a document's life and the next conditional request need; no other is kept."""
MAX_HEADER = 4096
"""Characters of one header field that are kept."""
SKEW = 60.0
"""Seconds by which the clocks of two hosts may differ before an entry counts as older than it is."""


class Unreadable(Exception):
    """These octets are no entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A good answer: status 200, judged by the process that asked.

    Each process that takes it reads it again, by its own settings, as if the issuer had answered.
    """

    number: int
    """Drawn before the request; a higher one is newer."""
    wall: float
    """When the request began, as a Unix time in seconds by the clock of the host that asked."""
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, number: int, wall: float, url: str, response: Response) -> Entry:
        """What is kept of an answer."""
        headers = {name: value[:MAX_HEADER] for name in KEPT if (value := response.headers.get(name))}
        return cls(number, wall, url, headers, response.body)

    @property
    def response(self) -> Response:
        """The answer."""
        return Response(200, self.headers, self.body)

    def age(self, said: float, wall: float) -> float:
        """Seconds since the request began: by the store's clock or by the hosts', whichever says more.

        Args:
            said: by the store's, which may lie.
            wall: this host's time, against which the writer's is held.
        """
        return max(0.0, said, wall - self.wall - SKEW)

    def octets(self) -> bytes:
        """One line of JSON, and the body."""
        head = {"number": self.number, "wall": self.wall, "url": self.url, "headers": dict(self.headers)}
        return json.dumps(head).encode() + b"\n" + self.body


def read_entry(octets: bytes) -> Entry:
    """The entry. Raises Unreadable: it is none, or one of a version that is not known here."""
    head, _, body = octets.partition(b"\n")
    try:
        members: dict[str, Any] = json.loads(head)
        entry = Entry(members["number"], members["wall"], members["url"], members["headers"], body)
    except (ValueError, KeyError, TypeError):
        raise Unreadable from None
    if not _is_whole(entry):
        raise Unreadable
    return entry


def _is_whole(entry: Any) -> bool:
    """Whether each part is of its type: another version may have written it."""
    if not (
        isinstance(entry.number, int) and isinstance(entry.wall, float) and isinstance(entry.headers, dict)
    ):
        return False
    return all(isinstance(text, str) for text in (entry.url, *entry.headers, *entry.headers.values()))

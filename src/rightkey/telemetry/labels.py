"""Labels: what a metric is told apart by. Bounded, whatever issuers and transports say."""

from __future__ import annotations

MAX_REASONS = 50
"""Reasons of failed fetches that are told apart in metrics."""
OTHER = "other"
"""What everything beyond the bound is called."""


class Labels:
    """The first so many values keep their name.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def of(self, value: str) -> str:
        """The value, or `other`."""
        known = self._known.get(value)
        if known is None:
            if len(self._known) >= self._most:
                return OTHER
            known = self._known[value] = value
        return known

    def __contains__(self, value: str) -> bool:
        return value in self._known

"""Announcer: tells listeners what has happened, without a lock.

A verifier's listener is told while the verifier lives, one of the process until it ends.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterable

from rightkey.events import SUBSCRIBERS, Event, Listener
from rightkey.sources.guard import GUARD


class Subscription:
    """A listener. It ends with the verifier that holds it."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener


class Announcer:
    """Events in the order in which they happened, each told once."""

    def __init__(self) -> None:
        self.errors = 0
        """Exceptions that listeners raised."""
        self._untold: deque[Event] = deque()
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self, subscription: Subscription) -> None:
        """Tell this listener what happens from now on."""
        with GUARD:
            self._subscriptions.add(subscription)

    def note(self, events: Iterable[Event]) -> None:
        """Events to tell. Call with GUARD held."""
        self._untold += events

    def tell(self) -> None:
        """Tell them. Call without GUARD. A listener's exception is counted, not raised."""
        while True:
            try:
                event = self._untold.popleft()
            except IndexError:  # there is no more, or another thread was faster
                return
            with GUARD:  # a set that grows cannot be walked
                listeners = [subscription.listener for subscription in self._subscriptions]
            self.errors += SUBSCRIBERS.tell(event, listeners)

"""An issuer that is slow for as long as a loop goes on, however long that takes on this machine."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rightkey.localissuer import LocalIssuer
from rightkey.localissuer.answers import Answer, Request


class Turns:
    """How many turns a loop has made while something was under way."""

    made = 0

    async def during(self, under_way: asyncio.Future[Any], seconds: float) -> None:
        """Count them, each of so many seconds."""
        while not under_way.done():
            await asyncio.sleep(seconds)
            self.made += 1


class SlowIssuer(LocalIssuer):
    """Answers once the loop has made so many more turns.

    A loop on which an answer is waited for makes none. It gets its answer after these seconds.
    """

    def __init__(self, turns: Turns, more: int, seconds: float) -> None:
        super().__init__(algorithm="ES256")
        self._turns, self._more, self._seconds = turns, more, seconds

    def respond(self, request: Request) -> Answer:
        until, end = self._turns.made + self._more, time.monotonic() + self._seconds
        while self._turns.made < until and time.monotonic() < end:
            time.sleep(0.002)
        return super().respond(request)
